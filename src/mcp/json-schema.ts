import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { isJsonObject, type JsonObject } from '../lib/json.ts'

/**
 * What the SDK is given as a tool's schema: the JSON Schema derived from zod to advertise, and a check that passes
 * everything, so that our own check answers in our own envelope, whatever the client.
 */
export function advertised(schema: z.ZodType, side: 'input' | 'output'): StandardSchemaWithJSON<unknown, unknown> {
  const jsonSchema = deriveJsonSchema(schema)
  // Hosts that find it check the arguments themselves, and show the model the first mistake only, or none.
  if (side === 'input') delete jsonSchema.additionalProperties
  return {
    '~standard': {
      version: 1,
      vendor: 'aifi-customer-mcp',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => jsonSchema, output: () => jsonSchema },
    },
  }
}

/**
 * zod's JSON Schema in the part that every host reads: Copilot Studio truncates at a list of types and drops a tool at a
 * reference, Gemini's API has refused `format`, and mcp-use closes an object that does not say it is open. Besides,
 * without what costs a model tokens and tells it nothing.
 */
function deriveJsonSchema(schema: z.ZodType): JsonObject {
  const derived = z.toJSONSchema(schema, {
    io: 'input',
    reused: 'inline',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // The only custom schemas are JSON objects.
      if (zodSchema._zod.def.type === 'custom')
        Object.assign(jsonSchema, { type: 'object', additionalProperties: true })
      if (isJsonObject(jsonSchema.additionalProperties)) jsonSchema.additionalProperties = true
      delete jsonSchema.format
      delete jsonSchema.pattern
      delete jsonSchema.propertyNames
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    },
  })
  const { $schema: _, ...schemaOnly } = derived
  return isJsonObject(schemaOnly) ? separateTypes(schemaOnly) : {}
}

/** zod makes `type: [X, 'null']` of `anyOf: [{ type: X }, { type: 'null' }]`; this undoes it, all over the schema. */
function separateTypes(schema: JsonObject): JsonObject {
  const members = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === 'type' && Array.isArray(value)) return ['anyOf', value.map((type) => ({ type }))]
    return [key, isJsonObject(value) ? separateTypes(value) : value]
  })
  return Object.fromEntries(members)
}
