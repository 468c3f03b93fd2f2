import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Agent, fetch as undiciFetch } from 'undici'
import { onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { isJsonObject } from '../../src/lib/json.ts'

/** Where an agent's client is sent back to; nobody listens there, since the tests read the address themselves. */
export const REDIRECT = 'http://127.0.0.1:39127/callback'

interface Registration {
  client_id: string
  client_secret?: string
}

interface Tokens {
  access_token: string
  token_type: string
  scope?: string
}

/** What a host keeps for its client: registration, tokens, and where the user was sent. */
export class Keeper {
  readonly redirectUrl = REDIRECT
  readonly clientMetadata = {
    client_name: 'An agent',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }
  /** The addresses that the user was sent to. */
  readonly sentTo: URL[] = []
  #registration: Registration | undefined
  #tokens: Tokens | undefined
  #verifier = ''

  /** @param clientId that the issuer knows already; absent: it is to be registered. */
  constructor(clientId?: string) {
    this.#registration = clientId === undefined ? undefined : { client_id: clientId }
  }

  clientInformation(): Registration | undefined {
    return this.#registration
  }
  saveClientInformation(registration: Registration): void {
    this.#registration = registration
  }
  tokens(): Tokens | undefined {
    return this.#tokens
  }
  saveTokens(tokens: Tokens): void {
    this.#tokens = tokens
  }
  redirectToAuthorization(address: URL): void {
    this.sentTo.push(address)
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }
  codeVerifier(): string {
    return this.#verifier
  }
}

export interface OAuthClient {
  /** Rejects with the SDK's `UnauthorizedError` where the user has to sign in first. */
  connect(): Promise<void>
  /** What came back with the user. */
  finish(callback: URL): Promise<void>
  call(name: string, args: JsonObject): Promise<JsonObject>
  revision(): string | undefined
}

export interface OAuthClientOptions {
  readonly url: URL
  readonly keeper: Keeper
  readonly fetch: (address: string | URL, init?: RequestInit) => Promise<Response>
}

const info = { name: 'oauth-client', version: '3.0.0' }

export function oauthV1({ url, keeper, fetch }: OAuthClientOptions): OAuthClient {
  const client = new ClientV1(info)
  let transport = new TransportV1(url, { authProvider: keeper, fetch })
  onTestFinished(() => client.close())
  return {
    async connect() {
      transport = new TransportV1(url, { authProvider: keeper, fetch })
      await client.connect(transport)
    },
    finish: (callback) => transport.finishAuth(callback.searchParams.get('code') ?? ''),
    call: async (name, args) => contentOf((await client.callTool({ name, arguments: args })).structuredContent),
    revision: () => transport.protocolVersion,
  }
}

export function oauthV2({ url, keeper, fetch }: OAuthClientOptions): OAuthClient {
  const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
  let transport = new TransportV2(url, { authProvider: keeper, fetch })
  onTestFinished(() => client.close())
  return {
    async connect() {
      transport = new TransportV2(url, { authProvider: keeper, fetch })
      await client.connect(transport)
    },
    finish: (callback) => transport.finishAuth(callback.searchParams),
    call: async (name, args) => contentOf((await client.callTool({ name, arguments: args })).structuredContent),
    revision: () => client.getNegotiatedProtocolVersion(),
  }
}

function contentOf(content: unknown): JsonObject {
  if (!isJsonObject(content)) throw new TypeError(`no structured content: ${JSON.stringify(content)}`)
  return content
}

/** As `fetch`, which cannot be told whom to trust; what comes is passed on as it comes. */
export function fetchTrusting(ca: string): OAuthClientOptions['fetch'] {
  const dispatcher = new Agent({ connect: { ca } })
  onTestFinished(() => dispatcher.destroy())
  return async (address, init = {}) => {
    const answer = await undiciFetch(address, {
      dispatcher,
      ...(init.method !== undefined && { method: init.method }),
      headers: [...new Headers(init.headers)],
      ...(init.body != null && { body: String(init.body) }),
      ...(init.signal && { signal: init.signal }),
      ...(init.redirect && { redirect: init.redirect }),
    })
    return new Response(answer.body, { status: answer.status, headers: [...answer.headers] })
  }
}
