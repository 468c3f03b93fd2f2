import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { readBody } from '../../src/lib/body.ts'

const MB = 1024 * 1024

/** Bytes outside of the heap that something still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

test('of a body that is too long nothing is kept, and it is read for a while only', async () => {
  const before = heldBytes()
  let chunks = 0
  const body = new ReadableStream(
    {
      async pull(controller) {
        chunks += 1
        // What is collected may be given back a little later.
        if (chunks === 30) await expect.poll(() => heldBytes() - before).toBeLessThan(8 * MB)
        controller.enqueue(new Uint8Array(MB))
      },
    },
    { highWaterMark: 0 },
  )
  const request = new Request('http://127.0.0.1', { method: 'POST', body, duplex: 'half' })
  expect(await readBody(request, 4 * MB)).toBeUndefined()
  expect(chunks).toBeLessThan(40)
})
