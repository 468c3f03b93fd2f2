import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, onTestFinished, test } from 'vitest'
import { liveTools } from '../helpers/live-tools.ts'
import { makeBundle } from '../helpers/published.ts'
import { packageJson } from '../helpers/repository.ts'

/** Limits on what every conversation and every download pays for. To pass one is a decision, not an accident. */
const BOTH_TOOLS_TOKENS = 900
const UPDATE_CUSTOMER_TOKENS = 650
const BUNDLE_BYTES = 500_000

test(`a model reads at most ${BOTH_TOOLS_TOKENS} tokens of tools, ${UPDATE_CUSTOMER_TOKENS} of update_customer`, async () => {
  const tools = await liveTools()
  const tokens = Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [
      name,
      countTokens(JSON.stringify({ name, description, inputSchema })),
    ]),
  )
  const { update_customer = 0, find_customers = 0, ...others } = tokens
  expect(others).toEqual({})
  expect(find_customers).toBeGreaterThan(0)
  expect(update_customer).toBeGreaterThan(0)
  expect(update_customer).toBeLessThanOrEqual(UPDATE_CUSTOMER_TOKENS)
  expect(update_customer + find_customers).toBeLessThanOrEqual(BOTH_TOOLS_TOKENS)
})

test(`the bundle has at most ${BUNDLE_BYTES} bytes`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aifi-budget-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  expect(statSync(await makeBundle(folder)).size).toBeLessThanOrEqual(BUNDLE_BYTES)
})

test('whoever installs it installs nothing else', () => {
  const kinds = [
    'dependencies',
    'optionalDependencies',
    'peerDependencies',
    'bundleDependencies',
    'bundledDependencies',
  ]
  expect(kinds.filter((kind) => Object.hasOwn(packageJson, kind))).toEqual([])
})
