// One driver per client library. Each starts the built server by the client's own means and talks through its own API.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/**
 * @typedef {object} Server what is to be started
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env
 *
 * @typedef {object} Seen what came of a call, as the client hands it to its program
 * @property {Record<string, unknown>} envelope
 * @property {string} how where the envelope was
 *
 * @typedef {object} Connection
 * @property {() => Promise<string[]>} tools
 * @property {(args: Record<string, unknown>) => Promise<Seen>} call
 * @property {() => Promise<void>} close
 *
 * @typedef {(message: string) => Promise<boolean>} Person answers a form
 *
 * @typedef {object} Driver
 * @property {string} name
 * @property {string} package
 * @property {string} [mode] which of its ways of connecting
 * @property {boolean} form whether it can show a form
 * @property {(server: Server, person: Person | undefined) => Promise<Connection>} connect
 */

const info = { name: 'client-test', version: '1.0.0' }
const run = promisify(execFile)

/** @param {string} folder where the packages are that are not among our own @returns {Promise<Driver[]>} */
export async function drivers(folder) {
  const { load } = await import(pathToFileURL(join(folder, 'load.mjs')).href)
  return [
    { name: 'MCP TypeScript SDK v1', package: '@modelcontextprotocol/sdk', form: true, connect: sdkV1 },
    sdkV2('2025 era', 'legacy'),
    sdkV2('2026-07-28', { pin: '2026-07-28' }),
    sdkV2('negotiated', 'auto'),
    aiSdk(load, 'negotiated', true),
    aiSdk(load, 'without discovery', false),
    langchain(load),
    inspector(folder, 'legacy'),
    inspector(folder, 'modern'),
  ]
}

/** @param {unknown} accepted */
const answer = (accepted) => (accepted ? { action: 'accept', content: { approve: true } } : { action: 'decline' })

/** @type {Driver['connect']} */
async function sdkV1(server, person) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js')
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js')
  const client = new Client(info, { capabilities: person ? { elicitation: { form: {} } } : {} })
  if (person) {
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => answer(await person(params.message)))
  }
  await client.connect(new StdioClientTransport({ ...server, stderr: 'ignore' }))
  return {
    tools: async () => names((await client.listTools()).tools),
    call: async (args) => seen(await client.callTool({ name: 'update_customer', arguments: args })),
    close: () => client.close(),
  }
}

/** @param {string} mode @param {import('@modelcontextprotocol/client').VersionNegotiationMode} negotiation @returns {Driver} */
function sdkV2(mode, negotiation) {
  /** @type {Driver['connect']} */
  const connect = async (server, person) => {
    const { Client } = await import('@modelcontextprotocol/client')
    const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
    const capabilities = person ? { elicitation: { form: {} } } : {}
    const client = new Client(info, { capabilities, versionNegotiation: { mode: negotiation } })
    if (person) {
      client.setRequestHandler('elicitation/create', async ({ params }) => answer(await person(params.message)))
    }
    await client.connect(new StdioClientTransport({ ...server, stderr: 'ignore' }))
    return {
      tools: async () => names((await client.listTools()).tools),
      call: async (args) => seen(await client.callTool({ name: 'update_customer', arguments: args })),
      close: () => client.close(),
    }
  }
  return { name: 'MCP TypeScript SDK v2', package: '@modelcontextprotocol/client', mode, form: true, connect }
}

/** @param {(specifier: string) => Promise<any>} load @param {string} mode @param {boolean} discovery @returns {Driver} */
function aiSdk(load, mode, discovery) {
  /** @type {Driver['connect']} */
  const connect = async (server, person) => {
    const { createMCPClient, ElicitationRequestSchema } = await load('@ai-sdk/mcp')
    const { Experimental_StdioMCPTransport: Transport } = await load('@ai-sdk/mcp/mcp-stdio')
    const client = await createMCPClient({
      transport: new Transport({ ...server, stderr: 'ignore' }),
      protocolVersionDiscovery: discovery,
      capabilities: person ? { elicitation: {} } : {},
    })
    if (person) {
      client.onElicitationRequest(ElicitationRequestSchema, async ({ params }) => answer(await person(params.message)))
    }
    return {
      tools: async () => names((await client.listTools()).tools),
      // As a model's tool call would: through the tool set that the library makes for `generateText`.
      call: async (args) => {
        const { update_customer: tool } = await client.tools()
        return seen(await tool.execute(args, { toolCallId: '1', messages: [] }))
      },
      close: () => client.close(),
    }
  }
  return { name: 'Vercel AI SDK', package: '@ai-sdk/mcp', mode, form: true, connect }
}

/** @param {(specifier: string) => Promise<any>} load @returns {Driver} */
function langchain(load) {
  /** @type {Driver['connect']} */
  const connect = async ({ command, args, env }) => {
    const { MultiServerMCPClient } = await load('@langchain/mcp-adapters')
    const client = new MultiServerMCPClient({
      mcpServers: { aifi: { transport: 'stdio', command, args, env, stderr: 'ignore' } },
    })
    const tools = await client.getTools()
    return {
      tools: async () => names(tools),
      call: async (input) => {
        const tool = tools.find((/** @type {{ name: string }} */ { name }) => name === 'update_customer')
        try {
          return seen({ content: [{ type: 'text', text: text(await tool.invoke(input)) }] })
        } catch (error) {
          const { name, message } = /** @type {Error} */ (error)
          const json = message.slice(message.indexOf('{'))
          if (!isJson(json)) throw error
          return { envelope: JSON.parse(json), how: `text of a ${name}` }
        }
      },
      close: () => client.close(),
    }
  }
  return { name: 'LangChain MCP adapters', package: '@langchain/mcp-adapters', form: false, connect }
}

/** @param {string} folder @param {'legacy' | 'modern'} era @returns {Driver} */
function inspector(folder, era) {
  const program = join(folder, 'node_modules', '.bin', 'mcp-inspector')
  /** @type {Driver['connect']} */
  const connect = async ({ command, args, env }) => {
    const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
    const output = join(folder, 'inspector.json')
    /** A process of its own for each request. @param {string[]} request */
    const ask = async (...request) => {
      const options = ['--protocol-era', era, '--quiet', '--output', output, ...settings]
      await run(process.execPath, [program, '--cli', command, ...args, ...options, ...request])
      return JSON.parse(await readFile(output, 'utf8'))
    }
    return {
      tools: async () => names((await ask('--method', 'tools/list')).tools),
      call: async (input) => {
        const request = ['--method', 'tools/call', '--tool-name', 'update_customer']
        return seen(await ask(...request, '--tool-args-json', JSON.stringify(input)))
      },
      close: async () => undefined,
    }
  }
  return {
    name: 'MCP Inspector, command line',
    package: '@modelcontextprotocol/inspector',
    mode: `--protocol-era ${era}`,
    form: false,
    connect,
  }
}

/** @param {readonly { name: string }[]} tools */
const names = (tools) => tools.map(({ name }) => name)

/** @param {any} result @returns {Seen} */
function seen(result) {
  const inText = text(result?.content?.[0])
  const complete = isJson(inText) ? JSON.parse(inText) : undefined
  if (!result?.structuredContent && !complete) throw new Error(`no envelope: ${JSON.stringify(result)}`)
  const envelope = result.structuredContent ?? complete
  const isError = result.isError ? ', isError' : ''
  if (!result.structuredContent) return { envelope, how: `text${isError}` }
  const both = JSON.stringify(complete) === JSON.stringify(envelope)
  return { envelope, how: `structured content${both ? ' and text' : ''}${isError}` }
}

/** @param {any} block @returns {string} */
function text(block) {
  if (typeof block === 'string') return block
  return Array.isArray(block) ? text(block[0]) : String(block?.text ?? '')
}

/** @param {string} json */
function isJson(json) {
  try {
    return typeof JSON.parse(json) === 'object'
  } catch {
    return false
  }
}
