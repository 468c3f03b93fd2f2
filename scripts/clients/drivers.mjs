// One driver per client library. Each starts the server, or reaches it by its address, by the client's own means and
// talks through its own API.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/**
 * @typedef {{ command: string, args: string[], env: Record<string, string> }} Started what is to be started
 * @typedef {{ url: string, token: string }} Reached what is there already
 * @typedef {Started | Reached} Server
 *
 * @typedef {object} Seen what came of a call, as the client hands it to its program
 * @property {Record<string, any>} envelope
 * @property {string} how where the envelope was
 *
 * @typedef {object} Connection
 * @property {() => Promise<string[]>} tools
 * @property {(args: Record<string, unknown>) => Promise<Seen>} call
 * @property {() => Promise<void>} close
 *
 * @typedef {object} Person whom the client asks
 * @property {'form' | 'url'} mode what the client declares
 * @property {(params: any) => Promise<'accept' | 'decline'>} answer
 *
 * @typedef {object} Driver
 * @property {string} name
 * @property {string} package
 * @property {string} [mode] which of its ways of connecting
 * @property {readonly ('form' | 'url')[]} elicitation what it can ask its user
 * @property {boolean} [validates] whether it checks arguments against the advertised schema before it calls
 * @property {boolean} [fallsBack] whether it takes a slow first answer for that of an older server
 * @property {(server: Server, person: Person | undefined) => Promise<Connection>} connect
 */

const info = { name: 'client-test', version: '1.0.0' }
const run = promisify(execFile)

/** @param {string} folder where the packages are that are not among our own @returns {Promise<Driver[]>} */
export async function drivers(folder) {
  const { load } = await import(pathToFileURL(join(folder, 'load.mjs')).href)
  return [
    {
      name: 'MCP TypeScript SDK v1',
      package: '@modelcontextprotocol/sdk',
      elicitation: ['form', 'url'],
      connect: sdkV1,
    },
    sdkV2('legacy', 'legacy'),
    sdkV2('pinned to 2026-07-28', { pin: '2026-07-28' }),
    sdkV2('negotiating', 'auto'),
    aiSdk(load, 'negotiating', true),
    aiSdk(load, 'without discovery', false),
    langchain(load),
    inspector(folder, 'legacy'),
    inspector(folder, 'modern'),
  ]
}

/** @param {Person} person @param {unknown} params */
async function answered(person, params) {
  const action = await person.answer(params)
  return action === 'accept' && person.mode === 'form' ? { action, content: { approve: true } } : { action }
}

/** @param {Person | undefined} person */
const capabilities = (person) => (person ? { elicitation: { [person.mode]: {} } } : {})

/** @param {Reached} server */
const bearer = ({ token }) => ({ Authorization: `Bearer ${token}` })

/** @type {Driver['connect']} */
async function sdkV1(server, person) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js')
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js')
  const client = new Client(info, { capabilities: capabilities(person) })
  if (person) client.setRequestHandler(ElicitRequestSchema, ({ params }) => answered(person, params))
  await client.connect(
    'url' in server
      ? new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: bearer(server) } })
      : new StdioClientTransport({ ...server, stderr: 'ignore' }),
  )
  return {
    tools: async () => names((await client.listTools()).tools),
    call: async (args) => seen(await client.callTool({ name: 'update_customer', arguments: args })),
    close: () => client.close(),
  }
}

/**
 * @param {string} mode
 * @param {import('@modelcontextprotocol/client').VersionNegotiationMode} negotiation
 * @returns {Driver}
 */
function sdkV2(mode, negotiation) {
  /** @type {Driver['connect']} */
  const connect = async (server, person) => {
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
    const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
    const options = { capabilities: capabilities(person), versionNegotiation: { mode: negotiation } }
    const client = new Client(info, options)
    if (person) client.setRequestHandler('elicitation/create', ({ params }) => answered(person, params))
    await client.connect(
      'url' in server
        ? new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: bearer(server) } })
        : new StdioClientTransport({ ...server, stderr: 'ignore' }),
    )
    return {
      tools: async () => names((await client.listTools()).tools),
      call: async (args) => seen(await client.callTool({ name: 'update_customer', arguments: args })),
      close: () => client.close(),
    }
  }
  const elicitation = /** @type {const} */ (['form', 'url'])
  return { name: 'MCP TypeScript SDK v2', package: '@modelcontextprotocol/client', mode, elicitation, connect }
}

/** @param {(specifier: string) => Promise<any>} load @param {string} mode @param {boolean} discovery @returns {Driver} */
function aiSdk(load, mode, discovery) {
  /** @type {Driver['connect']} */
  const connect = async (server, person) => {
    const { createMCPClient, ElicitationRequestSchema } = await load('@ai-sdk/mcp')
    const { Experimental_StdioMCPTransport: Transport } = await load('@ai-sdk/mcp/mcp-stdio')
    const client = await createMCPClient({
      transport:
        'url' in server
          ? { type: 'http', url: server.url, headers: bearer(server) }
          : new Transport({ ...server, stderr: 'ignore' }),
      protocolVersionDiscovery: discovery,
      // Forms are all that it knows: it declares them with an empty object.
      capabilities: person ? { elicitation: {} } : {},
    })
    if (person) {
      const asked = (/** @type {{ params: unknown }} */ { params }) => answered(person, params)
      client.onElicitationRequest(ElicitationRequestSchema, asked)
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
  return { name: 'Vercel AI SDK', package: '@ai-sdk/mcp', mode, elicitation: ['form'], fallsBack: discovery, connect }
}

/** @param {(specifier: string) => Promise<any>} load @returns {Driver} */
function langchain(load) {
  /** @type {Driver['connect']} */
  const connect = async (server) => {
    const { MultiServerMCPClient } = await load('@langchain/mcp-adapters')
    const aifi =
      'url' in server
        ? { transport: 'http', url: server.url, headers: bearer(server) }
        : { transport: 'stdio', ...server, stderr: 'ignore' }
    const client = new MultiServerMCPClient({ mcpServers: { aifi } })
    const tools = await client.getTools()
    const tool = tools.find((/** @type {{ name: string }} */ { name }) => name === 'update_customer')
    return {
      tools: async () => names(tools),
      call: async (args) => {
        try {
          return seen({ content: [{ type: 'text', text: textOf(await tool.invoke(args)) }] })
        } catch (error) {
          const { name, message } = /** @type {Error} */ (error)
          const envelope = parsed(message.slice(message.indexOf('{')))
          if (!envelope) throw error
          return { envelope, how: `text of a ${name}` }
        }
      },
      close: () => client.close(),
    }
  }
  const name = 'LangChain MCP adapters'
  return { name, package: '@langchain/mcp-adapters', elicitation: [], validates: true, connect }
}

/** @param {string} folder @param {'legacy' | 'modern'} era @returns {Driver} */
function inspector(folder, era) {
  const program = join(folder, 'node_modules', '.bin', 'mcp-inspector')
  /** @type {Driver['connect']} */
  const connect = async (server) => {
    const target =
      'url' in server
        ? [server.url, '--transport', 'http', '--header', `Authorization: ${bearer(server).Authorization}`]
        : [
            server.command,
            ...server.args,
            ...Object.entries(server.env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
          ]
    /** A process of its own for each request; of a tool's error it makes an exit code, too. @param {string[]} request */
    const ask = async (...request) => {
      const options = ['--protocol-era', era, '--quiet']
      const answer = run(process.execPath, [program, '--cli', ...target, ...options, ...request])
      const { stdout, stderr } = await answer.catch((error) => error)
      const result = parsed(stdout)
      if (!result) throw new Error(`nothing was printed but ${stderr}`)
      return result
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
  const name = 'MCP Inspector, command line'
  return { name, package: '@modelcontextprotocol/inspector', mode: `${era} era`, elicitation: [], connect }
}

/** @param {readonly { name: string }[]} tools */
const names = (tools) => tools.map(({ name }) => name)

/** @param {any} result @returns {Seen} */
function seen(result) {
  const complete = parsed(textOf(result?.content))
  const envelope = result?.structuredContent ?? complete
  if (!envelope) throw new Error(`no envelope: ${JSON.stringify(result)}`)
  const isError = result.isError ? ', isError' : ''
  if (!result.structuredContent) return { envelope, how: `text${isError}` }
  const isBoth = JSON.stringify(complete) === JSON.stringify(envelope)
  return { envelope, how: `structured content${isBoth ? ' and text' : ''}${isError}` }
}

/** The text of the first block. @param {any} content @returns {string} */
function textOf(content) {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? textOf(content[0]) : String(content?.text ?? '')
}

/** @param {string} json @returns {Record<string, any> | undefined} */
function parsed(json) {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
