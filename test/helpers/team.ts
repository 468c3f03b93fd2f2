import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { request } from 'undici'
import { onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { envelopeOf } from './harness.ts'
import { type Server, type StartOptions, startServer } from './process.ts'

/** Free ports, both of them. */
export const anyPorts = { AIFI_LISTEN: '127.0.0.1:0', AIFI_OPS_LISTEN: '127.0.0.1:0' }

export interface TeamSandbox {
  readonly server: Server
  readonly mcpUrl: string
  readonly token: string
  readonly approvalsUrl: string
  /** `http://127.0.0.1:PORT` of the operations. */
  readonly operations: string
}

/** `http --sandbox` as a process of its own. */
export async function startTeamSandbox(options: StartOptions = {}): Promise<TeamSandbox> {
  const server = startServer({ ...options, args: ['http', '--sandbox'], env: { ...anyPorts, ...options.env } })
  await server.until(() => server.stdout.includes('APPROVALS_URL='), 'the addresses')
  const lines = server.stdout.toString().trimEnd().split('\n')
  const printed = new Map(lines.map((line) => [line.split('=')[0], line.split('=').slice(1).join('=')]))
  return {
    server,
    mcpUrl: printed.get('MCP_URL') ?? '',
    token: printed.get('MCP_TOKEN') ?? '',
    approvalsUrl: printed.get('APPROVALS_URL') ?? '',
    operations: await operationsOf(server),
  }
}

/** Where its health and metrics are, from its log. */
export async function operationsOf(server: Server): Promise<string> {
  const [, address] = await server.until(
    () => /"operations":"([^"]+)"/.exec(server.stderr) ?? undefined,
    'the operations',
  )
  return `http://${address}`
}

export interface HttpClient {
  update(args: JsonObject): Promise<ReturnType<typeof envelopeOf>>
  toolNames(): Promise<string[]>
  /** Headers of every answer that it got. */
  readonly answers: Headers[]
}

export interface HttpClientOptions {
  readonly url: string
  readonly token: string
  /** Where the requests go in truth, for a public address that leads nowhere. */
  readonly via?: string
}

/** The clients that hosts are made of, over HTTP. */
export const httpClients: readonly [name: string, connect: (options: HttpClientOptions) => Promise<HttpClient>][] = [
  ['@modelcontextprotocol/sdk v1', connectV1],
  ['@modelcontextprotocol/client v2, 2025-11-25', (options) => connectV2(options, 'legacy')],
  ['@modelcontextprotocol/client v2, 2026-07-28', (options) => connectV2(options, { pin: '2026-07-28' })],
]

const info = { name: 'team-client', version: '2.0.0' }

async function connectV1(options: HttpClientOptions): Promise<HttpClient> {
  const { fetch, answers } = watched(options)
  const client = new ClientV1(info)
  const requestInit = { headers: { Authorization: `Bearer ${options.token}` } }
  await client.connect(new TransportV1(new URL(options.url), { requestInit, fetch }))
  onTestFinished(() => client.close())
  return {
    answers,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    update: async (args) => {
      const { structuredContent, content, isError } = await client.callTool({
        name: 'update_customer',
        arguments: args,
      })
      return envelopeOf({ structuredContent, content, isError })
    },
  }
}

async function connectV2(options: HttpClientOptions, mode: 'legacy' | { pin: string }): Promise<HttpClient> {
  const { fetch, answers } = watched(options)
  const client = new ClientV2(info, { versionNegotiation: { mode } })
  const requestInit = { headers: { Authorization: `Bearer ${options.token}` } }
  await client.connect(new TransportV2(new URL(options.url), { requestInit, fetch }))
  onTestFinished(() => client.close())
  return {
    answers,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    update: async (args) => envelopeOf(await client.callTool({ name: 'update_customer', arguments: args })),
  }
}

function watched({ url, via }: HttpClientOptions) {
  const answers: Headers[] = []
  const { host } = new URL(url)
  const watchedFetch = async (address: string | URL, init?: RequestInit) => {
    const response = via === undefined ? await fetch(address, init) : await fetchVia(via, host, address, init)
    answers.push(response.headers)
    return response
  }
  return { fetch: watchedFetch, answers }
}

/** `fetch` names the host that it connects to; this one names the one that was meant. */
export async function fetchVia(
  via: string,
  host: string,
  address: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const headers = Object.fromEntries(new Headers(init.headers))
  const answer = await request(new URL(new URL(address).pathname, via), {
    method: init.method === 'POST' ? 'POST' : init.method === 'DELETE' ? 'DELETE' : 'GET',
    headers: { ...headers, host },
    ...(typeof init.body === 'string' && { body: init.body }),
    ...(init.signal && { signal: init.signal }),
  })
  const got = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
  const text = await answer.body.text()
  return new Response(text === '' ? null : text, { status: answer.statusCode, headers: got })
}
