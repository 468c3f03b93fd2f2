import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { root } from '../helpers/repository.ts'

/** What only `http` may load. */
const ONLY_HTTP = ['node_modules/jose/', 'node_modules/pg/', 'node_modules/prom-client/', 'src/team/']

const metafile = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      inputs: z.record(z.string(), z.unknown()),
      imports: z.array(z.object({ path: z.string(), kind: z.string() })),
    }),
  ),
})

test('stdio loads nothing of what only a team’s server needs', () => {
  const { outputs } = metafile.parse(JSON.parse(readFileSync(join(root, 'node_modules/.cache/metafile.json'), 'utf8')))
  const files = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]))
  const loaded = new Set<string>()
  const load = (name: string) => {
    if (loaded.has(name)) return
    loaded.add(name)
    for (const { path, kind } of files.get(name)?.imports ?? []) if (kind === 'import-statement') load(basename(path))
  }
  load('program.js')
  const inputsOf = (name: string) => Object.keys(files.get(name)?.inputs ?? {})
  const of = (names: Iterable<string>) =>
    [...names].flatMap(inputsOf).filter((input) => ONLY_HTTP.some((part) => input.includes(part)))
  expect(of(loaded)).toEqual([])
  expect(of(files.keys()).some((input) => input.includes('node_modules/jose/'))).toBe(true)
})
