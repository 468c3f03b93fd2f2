import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { accept, eras, start } from './helpers/harness.ts'

/** An AiFi that answers the second and later reads slowly, and counts what it was asked to change. */
async function slowReader(delayMs: number) {
  let reads = 0
  const patches: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.method === 'PATCH') patches.push(Buffer.concat(chunks).toString())
    else if (++reads === 2) await pause(delayMs)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: 4211, email: 'jane@example.com', role: 'customer' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}`, patches, reads: () => reads }
}

test.each(eras)(
  'a call that comes while the same change is being decided has its outcome, not another one (%s)',
  async (era) => {
    const aifi = await slowReader(400)
    const harness = await start({ baseUrl: aifi.baseUrl })
    let answer: () => void = () => undefined
    const asked = new Promise<void>((resolve) => {
      answer = resolve
    })
    const client = await harness.connect({
      era,
      answer: async () => {
        await asked
        harness.clock.advance(2_000)
        return accept()
      },
    })
    const first = client.update({ customerId: 4211, blocked: true })
    await expect.poll(() => client.asked.length).toBe(1)
    // Its look at the record is slow; meanwhile the person answers, and the first call has its outcome.
    const second = client.update({ customerId: 4211, blocked: true })
    await expect.poll(aifi.reads).toBe(2)
    answer()
    expect(await first).toMatchObject({ status: 'updated' })
    expect(await second).toMatchObject({
      status: 'updated',
      message: expect.stringContaining('nothing was sent again'),
    })
    expect(client.asked).toHaveLength(1)
    expect(aifi.patches).toEqual(['{"blocked":true}'])
  },
)

test('a change that is too long to be shown whole in a form is put on the page, where every member is shown', async () => {
  const harness = await start()
  const client = await harness.connect({ answer: () => accept() })
  const metadata = { pad: 'x'.repeat(2_100), hiddenCredit: 999_999 }
  const call = client.update({ customerId: 4211, metadata })
  await expect.poll(() => harness.browser.opened).toHaveLength(1)
  const page = await (await fetch(String(harness.browser.opened[0]))).text()
  expect(page).toContain('hiddenCredit')
  expect(page).toContain('999999')
  expect(page).toContain('2100 characters in all')
  expect(client.asked).toEqual([])
  expect(harness.sent('PATCH')).toEqual([])
  await client.client.close()
  await call.catch(() => undefined)
})
