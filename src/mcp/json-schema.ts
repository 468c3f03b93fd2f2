import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { isJsonObject, type JsonObject } from '../lib/json.ts'

/**
 * What the SDK is given as a tool's schema: the JSON Schema derived from zod to advertise, and a check that passes
 * everything, so that our own check answers in our own envelope, whatever the client.
 */
export function advertised<T>(schema: z.ZodType<T>): StandardSchemaWithJSON<unknown, unknown> {
  const jsonSchema = deriveJsonSchema(schema)
  return {
    '~standard': {
      version: 1,
      vendor: 'aifi-customer-mcp',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => jsonSchema, output: () => jsonSchema },
    },
  }
}

/** zod's JSON Schema without what costs a model tokens and tells it nothing. */
function deriveJsonSchema(schema: z.ZodType): JsonObject {
  const derived = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // The only custom schemas are JSON objects.
      if (zodSchema._zod.def.type === 'custom') jsonSchema.type = 'object'
      delete jsonSchema.pattern
      delete jsonSchema.propertyNames
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      flattenNullable(jsonSchema)
    },
  })
  delete derived.$schema
  return isJsonObject(derived) ? derived : {}
}

/** `anyOf: [{ type: X, … }, { type: 'null' }]` says no more than `type: [X, 'null'], …`. */
function flattenNullable(jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const [value, nothing] = jsonSchema.anyOf ?? []
  if (typeof value !== 'object' || typeof nothing !== 'object' || nothing.type !== 'null') return
  if (typeof value.type !== 'string') return
  delete jsonSchema.anyOf
  Object.assign(jsonSchema, value, { type: [value.type, 'null'] })
}
