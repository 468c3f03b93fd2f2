import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { CUT, cutTo, jsonBlock, jsonLines } from './json-lines.mjs'
import { INDENT, line, styled, WIDTH } from './terminal.mjs'

/** @typedef {import('@modelcontextprotocol/client').JSONRPCMessage} Message */

/** @typedef {Parameters<typeof styled>[0]} Format */
/** @typedef {Extract<Format, string>} Color */

/** @type {Record<'→' | '←', Color>} */
const COLORS = { '→': 'cyan', '←': 'magenta' }
/** @type {Record<string, Color>} */
const STATUS_COLORS = { found: 'green', updated: 'green', declined: 'yellow', unknown: 'yellow', invalid: 'red' }

/** The real transport; every message that crosses it is shown. */
export class ShownTransport extends StdioClientTransport {
  /** @override */
  async start() {
    const deliver = this.onmessage
    /** @param {Message} message */
    const onmessage = (message) => {
      show('←', message)
      deliver?.(message)
    }
    // An assignment would count as a declaration of the member.
    Object.assign(this, { onmessage })
    await super.start()
  }

  /** @override @param {Message} message */
  send(message) {
    show('→', message)
    return super.send(message)
  }
}

/** @param {'→' | '←'} arrow @param {any} message */
function show(arrow, message) {
  const [label, body] = abridged(message)
  const title = `${arrow} ${label}`
  const format = COLORS[arrow]
  const [beside = '', ...below] = body === undefined ? [] : bodyLines(title, body)
  line(`${INDENT}${styled(['bold', format], title)} ${styled(format, beside)}`.trimEnd())
  for (const each of below) line(`${INDENT}  ${withStatus(each, format)}`)
}

/** The first line stands beside the title; it is empty when the body does not fit there. @param {string} title @param {any} body */
function bodyLines(title, body) {
  const width = WIDTH - INDENT.length
  if (body.status !== undefined) return jsonBlock(body, width - 2)
  const lines = jsonLines(body, width - title.length - 1)
  return lines.length === 1 ? lines : ['', ...jsonLines(body, width - 2)]
}

/** The status stands out in its own colour. @param {string} text @param {Color} format */
function withStatus(text, format) {
  const [, before = '', status, after = ''] = /^( *"status": )"(\w+)"(.*)$/.exec(text) ?? []
  if (status === undefined) return styled(format, text)
  const own = STATUS_COLORS[status] ?? format
  return styled(format, before) + styled(['bold', own], `"${status}"`) + styled(format, after)
}

/**
 * A message as it is shown: what it is, and its body with the long parts cut.
 * @param {any} message
 * @returns {[label: string, body?: unknown]}
 */
function abridged({ method, params, result, error }) {
  switch (method) {
    case undefined:
      if (error) return ['error', error]
      return [result.isError ? 'result (isError)' : 'result', abridgedResult(result)]
    case 'initialize':
      return [method, cutTo(params, 'protocolVersion', 'capabilities')]
    case 'tools/call':
      return [`${method} ${params.name}`, params.arguments]
    case 'elicitation/create':
      return [method, { mode: params.mode, message: CUT, requestedSchema: abridgedForm(params.requestedSchema) }]
    default:
      return [method]
  }
}

/** @param {any} result */
function abridgedResult(result) {
  if (result.serverInfo)
    return {
      protocolVersion: result.protocolVersion,
      serverInfo: cutTo(result.serverInfo, 'title', 'version'),
      '…': CUT,
    }
  if (result.tools) return { tools: result.tools.map(abridgedTool) }
  if (!result.structuredContent) return result
  const { customer, customers, approval, ...envelope } = result.structuredContent
  return {
    ...envelope,
    ...(customers && { customers: customers.map(abridgedCustomer) }),
    ...(customer && { customer: abridgedCustomer(customer) }),
    ...(approval && { approval: cutTo(approval, 'channel', 'answer') }),
  }
}

/** @param {any} customer */
function abridgedCustomer(customer) {
  return cutTo(customer, 'id', 'email')
}

/** @param {any} tool */
function abridgedTool(tool) {
  const { name, title, description, inputSchema } = tool
  if (name !== 'update_customer') return cutTo(tool, 'name', 'title')
  const properties = Object.fromEntries(Object.keys(inputSchema.properties).map((key) => [key, CUT]))
  return {
    name,
    title,
    description: `${description.slice(0, description.indexOf('.') + 1)} …`,
    inputSchema: { properties, '…': CUT },
    '…': CUT,
  }
}

/** @param {{ properties: Record<string, Record<string, unknown>>, required: unknown }} schema */
function abridgedForm(schema) {
  const fields = Object.entries(schema.properties).map(([name, field]) => [name, cutTo(field, 'type', 'default')])
  return { properties: Object.fromEntries(fields), required: schema.required }
}
