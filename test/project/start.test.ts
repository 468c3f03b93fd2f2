import { expect, test } from 'vitest'
import * as z from 'zod'
import { textOf } from '../helpers/repository.ts'

/** What esbuild says is in each built file, and which others it loads. */
const metafile = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      inputs: z.record(z.string(), z.unknown()),
      imports: z.array(z.object({ path: z.string(), kind: z.string() })),
    }),
  ),
})
const { outputs } = metafile.parse(JSON.parse(textOf('node_modules/.cache/metafile.json')))

/** The built files that every start loads. */
const loaded = new Set(Object.keys(outputs).filter((file) => file.endsWith('/program.js')))
for (const file of loaded) {
  for (const { path, kind } of outputs[file]?.imports ?? []) {
    if (kind === 'import-statement' && outputs[path]) loaded.add(path)
  }
}
const inputs = [...loaded].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}))

test('a start loads one file, besides its entry and the few helpers of esbuild', () => {
  const withCode = [...loaded].filter((file) => Object.keys(outputs[file]?.inputs ?? {}).length > 0)
  expect(withCode).toHaveLength(1)
  expect(loaded.size).toBe(3)
})

test('what only some commands or moments need is not in it', () => {
  expect(inputs).toContain('src/tools/update-customer.ts')
  const rooms = inputs.flatMap((input) => /^src\/(\w+)\//.exec(input)?.[1] ?? [])
  expect(new Set(rooms)).toEqual(
    new Set(['aifi', 'approval', 'audit', 'change', 'cli', 'config', 'customer', 'lib', 'mcp', 'tools']),
  )
  const later = ['src/aifi/http.ts', 'src/approval/page/http.ts', 'src/cli/serve-http.ts']
  expect(inputs.filter((input) => later.includes(input))).toEqual([])
  const built = Object.values(outputs).flatMap((output) => Object.keys(output.inputs))
  for (const part of [...later, 'src/team/', 'node_modules/jose/', 'node_modules/pg/', 'node_modules/prom-client/'])
    expect(built).toContainEqual(expect.stringContaining(part))
  const packages = new Set(inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []))
  const ofPino = [
    'on-exit-leak-free',
    'pino',
    'pino-std-serializers',
    'quick-format-unescaped',
    'safe-stable-stringify',
  ]
  expect([...packages].toSorted()).toEqual(
    [
      '@modelcontextprotocol/core',
      '@modelcontextprotocol/server',
      'lossless-json',
      ...ofPino,
      'sonic-boom',
      'zod',
    ].toSorted(),
  )
})

test('nor are the schemas of MCP that nothing names, such as those of OAuth', () => {
  const ofCore = inputs.filter((input) => input.includes('@modelcontextprotocol/core/'))
  expect(ofCore).toContainEqual(expect.stringContaining('/schemas-'))
  expect(ofCore).not.toContainEqual(expect.stringContaining('/auth-'))
})
