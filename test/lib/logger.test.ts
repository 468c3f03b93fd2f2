import { expect, test } from 'vitest'
import { createLogger } from '../../src/lib/logger.ts'
import { Secret } from '../../src/lib/secret.ts'

function logged(
  level: Parameters<typeof createLogger>[0]['level'],
  act: (log: ReturnType<typeof createLogger>) => void,
) {
  let text = ''
  act(createLogger({ level, write: (line) => (text += line) }))
  return text
}

test('a line is JSON with a time and what was said, and nothing about the machine', () => {
  const text = logged('info', (log) => log.warn({ port: 4711 }, 'page opened'))
  expect(text).toMatch(/^[^\n]+\n$/)
  expect(JSON.parse(text)).toEqual({
    level: 40,
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    port: 4711,
    msg: 'page opened',
  })
})

test('a secret is not shown, however deep', () => {
  const token = new Secret('canary')
  const text = logged('trace', (log) => log.info({ token, nested: { list: [token] } }, 'started'))
  expect(text).not.toContain('canary')
  expect(JSON.parse(text)).toMatchObject({ token: '[secret]', nested: { list: ['[secret]'] } })
})

test('an error shows its name, code and place, but not its message, nor that of its cause', () => {
  const cause = Object.assign(new Error('canary\n    at canary'), { code: 'ECONNRESET' })
  const text = logged('info', (log) => log.error({ err: new TypeError('canary', { cause }) }, 'call failed'))
  expect(text).not.toContain('canary')
  expect(JSON.parse(text).err).toMatchObject({ name: 'TypeError', cause: { name: 'Error', code: 'ECONNRESET' } })
  expect(JSON.parse(text).err.at[0]).toContain('logger.test')
})

test('of what is thrown and is no error, only the type is shown', () => {
  const text = logged('info', (log) => log.error({ err: 'canary' }, 'call failed'))
  expect(JSON.parse(text)).toMatchObject({ level: 50, err: 'string', msg: 'call failed' })
})

test('levels below the chosen one say nothing', () => {
  expect(logged('warn', (log) => log.info('hello'))).toBe('')
  expect(logged('silent', (log) => log.fatal('hello'))).toBe('')
})
