import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { builtFile } from '../helpers/process.ts'
import { filesBelow, packageJson, textOf } from '../helpers/repository.ts'

/** What esbuild says is in each built file. */
const metafile = z.object({
  outputs: z.record(z.string(), z.object({ inputs: z.record(z.string(), z.object({ bytesInOutput: z.number() })) })),
})
const { outputs } = metafile.parse(JSON.parse(textOf('node_modules/.cache/metafile.json')))
const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs))
const packages = new Set(inputs.flatMap((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []))

/** The licence text that stands below the names of the packages it covers. */
const texts = new Map(
  textOf('THIRD_PARTY_NOTICES')
    .split(`\n${'-'.repeat(80)}\n\n`)
    .slice(1)
    .flatMap((notice) => {
      const [headings = '', ...text] = notice.split('\n\n')
      return headings.split('\n').map((heading) => [heading.replace(/ .*/, ''), text.join('\n\n')] as const)
    }),
)

test('the list of what is bundled is that of the files in dist/', () => {
  const names = Object.keys(outputs).map((output) => output.replace(/^.*\/dist-\d+\//, ''))
  expect([...names, 'package.json'].sort()).toEqual(filesBelow(join(builtFile, '..')))
})

test('every package whose code is in dist/ has its licence in THIRD_PARTY_NOTICES', () => {
  expect(packages).toContain('@modelcontextprotocol/server')
  expect(packages.size).toBeGreaterThan(20)
  const without = [...packages].filter((name) => !/permi(t|ssion)/i.test(texts.get(name) ?? ''))
  expect(without).toEqual([])
})

test('so has the code that a bundled package carries inside its own files', () => {
  expect(inputs.some((input) => input.includes('undici/lib/llhttp/'))).toBe(true)
  expect(texts.get('llhttp')).toContain('Copyright Fedor Indutny')
  const carried = inputs
    .filter((input) => input.includes('node_modules/'))
    .flatMap((input) => [...textOf(input).matchAll(/^\/\/#region .*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)])
    .map(([, name = '']) => name)
  expect(carried).toContain('content-type')
  const without = [...new Set(carried)].filter((name) => !/permi(t|ssion)/i.test(texts.get(name) ?? ''))
  expect(without).toEqual([])
})

test('no licence asks for more than to be passed on', () => {
  const licences = [...textOf('THIRD_PARTY_NOTICES').matchAll(/^\S+ [\d.]+ \((.*)\)$/gm)].map(([, licence]) => licence)
  expect(licences.length).toBeGreaterThan(packages.size)
  expect(['Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT']).toEqual(expect.arrayContaining(licences))
  expect(packageJson.license).toBe('MIT')
})
