import type { Tool } from '@modelcontextprotocol/client'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { parseArguments } from '../../src/tools/update-arguments.ts'
import { accept, decline, eras, type Harness, type HarnessOptions, start, type TestClient } from '../helpers/harness.ts'

async function listed(options: HarnessOptions = {}, era: (typeof eras)[number] = '2025-11-25'): Promise<Tool> {
  const { client } = await (await start(options)).connect({ era })
  const { tools } = await client.listTools()
  return tools.find(({ name }) => name === 'update_customer') ?? expect.unreachable()
}

const propertiesOf = ({ inputSchema }: Tool): JsonObject =>
  isJsonObject(inputSchema.properties) ? inputSchema.properties : expect.unreachable()

function withoutDescriptions(properties: JsonObject): JsonObject {
  const bare = Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = isJsonObject(schema) ? schema : {}
    return [name, rest]
  })
  return Object.fromEntries(bare)
}

/** Every schema in these, the members of `properties` and the like included. */
function subschemas(roots: readonly unknown[]): JsonObject[] {
  return roots.filter(isJsonObject).flatMap((schema) => {
    const { properties, items, anyOf } = schema
    const inner = [
      ...Object.values(isJsonObject(properties) ? properties : {}),
      items,
      ...(Array.isArray(anyOf) ? anyOf : []),
    ]
    return [schema, ...subschemas(inner)]
  })
}

/** AiFi's page, type by type and limit by limit, and the tool's own four. */
const text = { type: 'string' }
const object = { type: 'object', additionalProperties: true }
const password = { type: 'string', minLength: 8, maxLength: 255 }
const documented = {
  customerId: { type: 'integer', minimum: 0 },
  email: text,
  externalId: text,
  firstName: text,
  lastName: text,
  phone: text,
  role: { type: 'string', enum: ['customer', 'employee', 'tester', 'untracked', 'unknown'] },
  priority: { type: 'integer', minimum: -10, maximum: 10 },
  metadata: { anyOf: [object, { type: 'null' }] },
  password,
  currentPassword: password,
  blocked: { type: 'boolean' },
  card: object,
  cardType: { type: 'string', enum: ['NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC'] },
  cardToken: { anyOf: [text, { type: 'null' }] },
  enterPrivately: {
    type: 'array',
    items: { type: 'string', enum: ['password', 'currentPassword', 'cardToken'] },
    maxItems: 3,
  },
  expectedEmail: { type: 'string', minLength: 1 },
  reason: { type: 'string', maxLength: 200 },
  dryRun: { type: 'boolean' },
}

describe.each(eras)('update_customer as a client of %s sees it listed', (era) => {
  test('has exactly the documented arguments and limits', async () => {
    const tool = await listed({}, era)
    expect(withoutDescriptions(propertiesOf(tool))).toEqual(documented)
    expect(tool.inputSchema.required).toEqual(['customerId'])
  })

  test('has a plain root object, and says in words that it allows nothing else', async () => {
    const { inputSchema, description } = await listed({}, era)
    expect(
      Object.keys(inputSchema)
        .filter((key) => key !== '$schema')
        .sort(),
    ).toEqual(['properties', 'required', 'type'])
    expect(inputSchema.type).toBe('object')
    expect(description).toContain('An unknown argument is refused.')
  })

  test('has a title, a description and all annotations', async () => {
    const { title, description, annotations } = await listed({}, era)
    expect(title).toBe('Update an AiFi customer')
    expect(annotations).toEqual({
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: false,
      openWorldHint: true,
    })
    expect(description).toMatch(/approval_pending/)
    expect(description?.length).toBeLessThan(800)
  })

  test('declares its results as a strict root object', async () => {
    const { outputSchema } = await listed({}, era)
    expect(outputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(outputSchema).toHaveProperty('required', expect.arrayContaining(['message', 'status']))
    expect(outputSchema).toHaveProperty('required.length', 2)
    expect(outputSchema).not.toHaveProperty('anyOf')
  })
})

describe('the schemas', () => {
  // mcp-use, Copilot Studio, Gemini's API, Qwen, LangChain, Mastra: each has refused or cut one of these.
  test.each(eras)('are, for a client of %s, in the part of JSON Schema that strict hosts take', async (era) => {
    const { client } = await (await start({ env: { AIFI_APPROVAL: 'chat' } })).connect({ era })
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['update_customer', 'find_customers'])
    for (const { inputSchema, outputSchema } of tools) {
      expect(inputSchema).toMatchObject({ type: 'object', properties: expect.any(Object) })
      expect(inputSchema).not.toHaveProperty('additionalProperties')
      for (const schema of subschemas([inputSchema, outputSchema])) {
        const shown = JSON.stringify(schema)
        const unwanted = ['$ref', '$defs', 'default', 'format', 'pattern', 'propertyNames', 'oneOf', 'allOf', 'not']
        expect(
          Object.keys(schema).filter((key) => unwanted.includes(key)),
          shown,
        ).toEqual([])
        expect(Array.isArray(schema.type), shown).toBe(false)
        expect(
          [schema.enum ?? [], schema.const ?? []].flat().every((each) => typeof each === 'string'),
          shown,
        ).toBe(true)
        if (schema.anyOf !== undefined) expect(schema.anyOf, shown).toEqual([expect.anything(), { type: 'null' }])
        if (schema.type === 'object' && !schema.properties) expect(schema.additionalProperties, shown).toBe(true)
      }
      for (const argument of Object.values(inputSchema.properties ?? {})) {
        expect(isJsonObject(argument) && Object.keys(argument)).toEqual(
          expect.arrayContaining([expect.stringMatching(/^(type|anyOf)$/)]),
        )
      }
    }
  })

  test('say of deprecated fields that they are, and of what cannot be undone', async () => {
    const properties = propertiesOf(await listed())
    expect(properties).toMatchObject({
      cardType: { description: expect.stringMatching(/deprecated.*card\.provider/) },
      cardToken: { description: expect.stringMatching(/deprecated.*card\.cardToken.*null deletes/) },
    })
  })

  test('have approvalCode only under AIFI_APPROVAL=chat', async () => {
    expect(propertiesOf(await listed({ env: { AIFI_APPROVAL: 'chat' } }))).toHaveProperty('approvalCode.type', 'string')
    expect(propertiesOf(await listed())).not.toHaveProperty('approvalCode')
  })

  test('have no place for a secret under AIFI_SECRET_ARGUMENTS=refuse', async () => {
    const properties = withoutDescriptions(propertiesOf(await listed({ env: { AIFI_SECRET_ARGUMENTS: 'refuse' } })))
    const { password: _, currentPassword, card, ...rest } = documented
    expect(properties).toEqual({ ...rest, cardToken: { type: 'null' } })
  })
})

describe('what the listed schema accepts', () => {
  const values: readonly unknown[] = [
    ...[null, true, false, '', 'x', 'jane@example.com', 'customer', 'NONE', 'a'.repeat(8), 'a'.repeat(255)],
    ...['a'.repeat(256), -11, -10, 0, 10, 11, 0.5, {}, { a: { b: [] } }, [], ['password'], ['pin'], 'password', '4211'],
  ]

  test('is what our checks accept, argument by argument', async () => {
    const { inputSchema } = await listed()
    const accepts = new Ajv2020({ strict: false, validateFormats: false }).compile(
      JSON.parse(JSON.stringify(inputSchema)),
    )
    for (const name of [...Object.keys(documented), 'nothing', '__proto__']) {
      for (const value of values) {
        // Not every address is judged alike, and what came as its text is read.
        if (name === 'email' && typeof value === 'string') continue
        if (name === 'customerId' && value === '4211') continue
        // That there are no others, the description says.
        if (!Object.hasOwn(documented, name)) continue
        const args: JsonObject = Object.fromEntries([
          ['customerId', 1],
          ['phone', '1'],
          [name, value],
        ])
        const ours = parseArguments(
          { value: args },
          { fields: 'all', secretArguments: 'allow', approvalCode: false },
        ).ok
        expect(ours, `${name}: ${JSON.stringify(value)}`).toBe(accepts(args))
      }
    }
  })
})

describe('every result', () => {
  type Scene = (connect: Harness['connect']) => Promise<void>
  const calling =
    (args: JsonObject, answer?: ReturnType<typeof accept>): Scene =>
    async (connect) => {
      const client: TestClient = await connect(answer ? { answer: () => answer } : {})
      await client.update({ customerId: 4211, ...args })
    }
  const scenes: Readonly<Record<string, readonly [HarnessOptions, Scene]>> = {
    updated: [{}, calling({ phone: '1' })],
    unchanged: [{}, calling({ firstName: 'Jane' })],
    preview: [{}, calling({ dryRun: true, role: 'tester', metadata: { a: 1 }, enterPrivately: ['password'] })],
    approval_pending: [{ env: { AIFI_APPROVAL: 'chat' } }, calling({ role: 'tester' })],
    declined: [{}, calling({ role: 'tester' }, decline())],
    approval_unavailable: [{ env: { AIFI_APPROVAL: 'form' } }, calling({ role: 'tester' })],
    invalid: [{}, calling({ priority: 99, nothing: 1 })],
    failed: [{ baseUrl: 'http://127.0.0.1:9' }, calling({ phone: '1' })],
    approved: [{ env: { AIFI_APPROVAL: 'form' } }, calling({ role: 'tester', metadata: {} }, accept())],
  }

  test.each(Object.entries(scenes))('fits the listed outputSchema: %s', async (name, [options, scene]) => {
    const harness = await start(options)
    const clients: TestClient[] = []
    await scene(async (connectOptions) => {
      const client = await harness.connect(connectOptions)
      clients.push(client)
      return client
    })
    const [client = expect.unreachable()] = clients
    const { tools } = await client.client.listTools()
    const tool = tools.find((each) => each.name === 'update_customer')
    const fits = new Ajv2020({ strict: true }).compile(JSON.parse(JSON.stringify(tool?.outputSchema)))
    const results = client.wire
      .map((line): unknown => JSON.parse(line))
      .flatMap((message) => (isJsonObject(message) && isJsonObject(message.result) ? [message.result] : []))
      .flatMap(({ structuredContent }) => (isJsonObject(structuredContent) ? [structuredContent] : []))
    expect(results.map(({ status }) => status)).toEqual([name === 'approved' ? 'updated' : name])
    for (const result of results) expect(fits(result), JSON.stringify(fits.errors)).toBe(true)
    expect(fits({ ...results[0], more: 1 })).toBe(false)
  })
})
