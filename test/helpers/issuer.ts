import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import Provider, { errors } from 'oidc-provider'
import { isJsonObject } from '../../src/lib/json.ts'
import { exchange } from './exchange.ts'

/** What the issuer says of somebody. */
export interface Account {
  name: string
  groups?: unknown
  [claim: string]: unknown
}

/** Everybody whom the issuer knows, and their groups. */
const ACCOUNTS: Readonly<Record<string, Account>> = {
  alex: { name: 'Alex Approver', groups: ['staff', 'approvers'] },
  robin: { name: 'Robin Approver', groups: ['approvers'] },
  sam: { name: 'Sam Agent', groups: ['staff'] },
  text: { name: 'Tex T', groups: 'approvers' },
  overage: { name: 'Ova Rage', groups: ['approvers'], _claim_names: { groups: 'src1' } },
}

const SCOPES = ['customers.read', 'customers.write']

export interface TestIssuer {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  /** What a team's server is told of it. */
  readonly settings: Readonly<Record<string, string>>
  /** A token with the issuer's own signature; `claims` over those that are right. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>
  /** Signs somebody in who was sent to this address; resolves with the address that the browser is sent back to. */
  signIn(address: string, login: string): Promise<string>
  /** A browser whose cookies the issuer knows the next time. */
  browser(): IssuerVisitor
  /** What it says of everybody, to be changed. */
  readonly accounts: Record<string, Account>
  /** The scopes that it gives out for now, whatever is asked for. */
  allowed: readonly string[]
  /** Somebody in between puts ID tokens of their own in the place of its own. */
  isForged: boolean
  close(): Promise<void>
}

export interface TestIssuerOptions {
  readonly publicUrl: string
  readonly port?: number
  /** Where everybody reaches it, if not on its own port. */
  readonly address?: string
  /** Of a public client for agents that is known without registering; where it is sent back to. */
  readonly agentRedirect?: string
  /** It signs with a key of its own. */
  readonly ownKey?: boolean
  /** How far the clock in its answers is ahead, milliseconds. */
  readonly aheadMs?: number
}

const newKey = () => generateKeyPair('RS256', { extractable: true })
/** To make an RSA key takes half a second: all issuers of this process sign with one, but for those that ask for another. */
const signingKey = newKey()

/** A client of the agents that the issuer knows. */
export const AGENT = 'known-agent'

/** A real issuer (`oidc-provider`) on this machine. */
export async function startIssuer(options: TestIssuerOptions): Promise<TestIssuer> {
  const { publicUrl, port = 0, address, agentRedirect, ownKey = false, aheadMs = 0 } = options
  const { privateKey } = await (ownKey ? newKey() : signingKey)
  const jwk = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' }
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = address ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clientId = 'approvals'
  const clientSecret = 'a secret of forty characters, for a test'
  const accounts = structuredClone(ACCOUNTS)
  const resource = `${publicUrl}/mcp`
  let allowed: readonly string[] = SCOPES
  const provider = new Provider(url, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${publicUrl}/approvals/callback`],
        post_logout_redirect_uris: [`${publicUrl}/approvals/signed-out`],
      },
      ...(agentRedirect === undefined
        ? []
        : [
            {
              client_id: AGENT,
              application_type: 'native' as const,
              redirect_uris: [agentRedirect],
              token_endpoint_auth_method: 'none' as const,
            },
          ]),
    ],
    scopes: ['openid', 'offline_access', ...SCOPES],
    claims: { openid: ['sub'], profile: ['name', 'groups', '_claim_names', 'oid'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    extraTokenClaims: (_, token) => ('accountId' in token ? { ...accounts[String(token.accountId)] } : {}),
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, indicator) {
          if (indicator !== resource) throw new errors.InvalidTarget()
          return { scope: allowed.join(' '), audience: resource, accessTokenFormat: 'jwt' }
        },
      },
    },
    jwks: { keys: [jwk] },
    cookies: { keys: ['a key of the test'] },
    pkce: { required: () => true },
  })
  server.on('request', (_, response) => response.setHeader('Date', new Date(Date.now() + aheadMs).toUTCString()))
  let isForged = false
  provider.use(async (ctx, next) => {
    await next()
    if (isForged && isJsonObject(ctx.body) && typeof ctx.body.id_token === 'string')
      ctx.body = { ...ctx.body, id_token: signedByAnother(ctx.body.id_token) }
  })
  server.on('request', provider.callback())
  return {
    url,
    clientId,
    clientSecret,
    token: (claims = {}) =>
      new SignJWT({
        iss: url,
        aud: resource,
        sub: 'sam',
        name: 'Sam Agent',
        client_id: 'the-agent',
        scope: SCOPES.join(' '),
        iat: Math.floor(Date.now() / 1000),
        exp: Math.floor(Date.now() / 1000) + 300,
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'first', typ: 'JWT' })
        .sign(privateKey),
    settings: {
      AIFI_PUBLIC_URL: publicUrl,
      AIFI_OIDC_ISSUER: url,
      AIFI_OIDC_CLIENT_ID: clientId,
      AIFI_OIDC_CLIENT_SECRET: clientSecret,
      AIFI_APPROVER_GROUP: 'approvers',
    },
    signIn: (address, login) => new IssuerVisitor(url).walk(address, login),
    browser: () => new IssuerVisitor(url),
    accounts,
    get isForged() {
      return isForged
    },
    set isForged(is) {
      isForged = is
    },
    get allowed() {
      return allowed
    },
    set allowed(scopes) {
      allowed = scopes
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The same claims under a signature of the same length. */
function signedByAnother(token: string): string {
  const end = token.lastIndexOf('.') + 1
  return token.slice(0, end) + randomBytes(256).toString('base64url')
}

/** A browser at the issuer: follows where it is sent, and fills in the form for name and password. */
export class IssuerVisitor {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  /** @param login who signs in; absent for somebody who is to be asked nothing. */
  async walk(start: string, login?: string): Promise<string> {
    let address = start
    let form: Record<string, string> | undefined
    for (let steps = 0; steps < 12; steps += 1) {
      const answer = await this.#send(address, form)
      form = undefined
      if (answer.headers.location !== undefined) {
        address = new URL(answer.headers.location, address).href
        if (new URL(address).origin !== this.#origin) return address
        continue
      }
      const [, action] = /<form[^>]*action="([^"]+)"/.exec(answer.body) ?? []
      const [, prompt = ''] = /name="prompt" value="(\w+)"/.exec(answer.body) ?? []
      if (action === undefined || login === undefined)
        throw new Error(`no way on at the issuer: ${answer.status} ${answer.body.slice(0, 300)}`)
      address = new URL(action, address).href
      form = { prompt, ...(prompt === 'login' && { login, password: 'any' }) }
    }
    throw new Error('the sign-in at the issuer went round in circles')
  }

  async #send(address: string, form: Record<string, string> | undefined) {
    const Cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(Cookie && { Cookie }), ...(form && { 'Content-Type': 'application/x-www-form-urlencoded' }) }
    const body = form && new URLSearchParams(form).toString()
    const answer = await exchange(address, { headers, ...(body !== undefined && { method: 'POST', body }) })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return answer
  }
}
