import { expect, test } from 'vitest'
import { LiveTab } from '../../../src/approval/page/live-tab.ts'

test('a tab that is asleep does not fill the memory: its stream ends, and it may come again', async () => {
  const tab = new LiveTab<string>()
  const cards = { html: 'x'.repeat(1_000_000) }
  const asleep = tab.open('page', () => cards)
  for (let move = 0; move < 100; move++) tab.renew('page')
  expect(tab.isOf('page')).toBe(false)
  await expect(asleep.getReader().read()).rejects.toThrow('nobody reads')
  const awake = tab.open('page', () => ({})).getReader()
  expect(tab.isOf('page')).toBe(true)
  expect(Buffer.from((await awake.read()).value ?? []).toString()).toBe('event: cards\ndata: {}\n\n')
  await awake.cancel()
  expect(tab.isOf('page')).toBe(false)
})

test('the newer of two streams ends the older, which is told so', async () => {
  const tab = new LiveTab<string>()
  const older = tab.open('older', () => 1)
  tab.open('newer', () => 2)
  expect(await new Response(older).text()).toBe('event: cards\ndata: 1\n\nevent: replaced\ndata: {}\n\n')
  expect(tab.isOf('older')).toBe(false)
  tab.renew('older')
  tab.close('older')
  expect(tab.isOf('newer')).toBe(true)
})
