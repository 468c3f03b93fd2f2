import { expect } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { type FindEnvelope, findEnvelope } from '../../src/tools/find-customers.ts'
import type { TestClient } from './harness.ts'

/** Calls `find_customers`; checks the envelope against its schema, the text against it, and the size. */
export async function find({ client }: TestClient, args: JsonObject): Promise<FindEnvelope> {
  const result = await client.callTool({ name: 'find_customers', arguments: args })
  const content: unknown[] = Array.isArray(result.content) ? result.content : []
  const [block, ...others] = content
  const text = String(isJsonObject(block) ? block.text : undefined)
  expect(others).toEqual([])
  expect(isJsonObject(result.structuredContent), `no structured content: ${text}`).toBe(true)
  const envelope = findEnvelope.parse(result.structuredContent)
  expect(JSON.parse(text)).toEqual(result.structuredContent)
  expect(Object.keys(JSON.parse(text)).slice(0, 2)).toEqual(['status', 'message'])
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(32_000)
  expect(result.isError ?? false).toBe(envelope.status !== 'found')
  return envelope
}
