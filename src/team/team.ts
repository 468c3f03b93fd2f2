import { randomBytes } from 'node:crypto'
import { createHttp } from '../aifi/http.ts'
import type { ProxySettings } from '../aifi/port.ts'
import type { ChannelDeps } from '../approval/channel.ts'
import { FormChannel } from '../approval/channels/form.ts'
import { Ladder } from '../approval/ladder.ts'
import type { Deployment } from '../approval/question.ts'
import type { Changes } from '../change/changes.ts'
import { type HttpConfig, keysOfConfig } from '../config/http.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Warnings } from '../lib/warnings.ts'
import type { ServerDeps } from '../mcp/server.ts'
import type { BearerRules } from './bearer.ts'
import { BrowserSessions, Cookies } from './browser-session.ts'
import { createEdge, METADATA_PATH } from './edge.ts'
import { FormTokens } from './form-tokens.ts'
import type { Fetch } from './http-server.ts'
import { createInbox } from './inbox.ts'
import { InboxChannel } from './inbox-channel.ts'
import { showNotice } from './inbox-notices.ts'
import { Issuer } from './issuer.ts'
import { createMcpEndpoint } from './mcp-endpoint.ts'
import { McpSessions } from './mcp-session.ts'
import { createNotify } from './notify.ts'
import { createSandboxIdentity, type SandboxIdentity } from './sandbox-identity.ts'
import { SandboxSignIn } from './sandbox-sign-in.ts'
import { createSeals, derivedKey, KEY_BYTES } from './seal.ts'
import { OidcSignIn, type SignIn } from './sign-in.ts'

/** How long the webhook may take, milliseconds. */
const NOTIFY_MS = 5_000

export interface TeamDeps {
  readonly http: HttpConfig
  /** `https://host[:port]`, or where the sandbox listens. */
  readonly publicUrl: string
  readonly proxy: ProxySettings
  readonly clock: Clock
  readonly logger: Logger
  readonly warnings: Warnings
  readonly ending: AbortSignal
  readonly onMcp: (status: number) => void
}

/** The application behind the edge, once it is made. */
export interface Served {
  readonly server: ServerDeps
  readonly changes: Changes
  readonly deployment: Deployment
}

/** What has to be the same wherever a call may be answered; the first of several is in use. */
export interface SharedKeys {
  readonly changes: readonly Uint8Array[]
  readonly states: readonly Uint8Array[]
  readonly markers: Uint8Array
}

/** What makes a team's server of the program: who calls, who approves, and how they get there. */
export interface Team {
  /** For the application: what has to be the same at every replica. */
  readonly keys: SharedKeys
  readonly ladder: (parts: ChannelDeps) => Ladder
  /** The sandbox's token for Sam; undefined elsewhere. */
  readonly token: string | undefined
  /** Whether the issuer answers. */
  readonly reachesIssuer: () => Promise<boolean>
  serve(served: Served): { readonly fetch: Fetch; close(): Promise<void> }
  /** The last thing: connections to the issuer and the webhook. */
  close(): Promise<void>
}

export async function createTeam(deps: TeamDeps): Promise<Team> {
  const { http, publicUrl, clock, logger, proxy } = deps
  const given = keysOfConfig(http)
  const keys = given.length > 0 ? given : [randomBytes(KEY_BYTES)]
  const [newest = randomBytes(KEY_BYTES)] = keys
  const seals = createSeals(keys)
  const cookies = new Cookies({ secure: publicUrl.startsWith('https:') })
  const sessions = new BrowserSessions(seals('browser session'), cookies, clock)
  const { rules, signInOf, token, reachesIssuer, close } = await identityOf(deps, {
    cookies,
    sessions,
    seal: seals('sign-in'),
  })
  const webhook = http.notifyUrl && createHttp({ timeoutMs: NOTIFY_MS, clock, proxy })
  const onPut =
    http.notifyUrl && webhook
      ? createNotify({ url: http.notifyUrl, publicUrl, http: webhook, logger })
      : () => undefined
  return {
    keys: {
      changes: keys.map((key) => derivedKey(key, 'changes')),
      states: keys.map((key) => derivedKey(key, 'request states')),
      markers: derivedKey(newest, 'markers'),
    },
    ladder: (deps) => {
      const form = new FormChannel(deps, { fallback: true })
      const inbox = new InboxChannel({ ...deps, publicUrl, personClaim: rules.names.personClaim, onPut })
      const channels = http.approval === 'auto' ? [form, inbox] : [inbox]
      return new Ladder(channels, 'Whoever runs this server should look at AIFI_PERSON_CLAIM.')
    },
    token,
    reachesIssuer,
    serve: ({ server, changes, deployment }) => {
      const signIn = signInOf()
      const mcp = createMcpEndpoint({
        ...deps,
        server,
        rules,
        fourEyes: http.fourEyes,
        sessions: new McpSessions(seals('mcp session'), clock),
      })
      const inbox = createInbox({
        changes,
        deployment,
        sessions,
        signIn,
        forms: new FormTokens(seals('form'), clock),
        clock,
        publicUrl,
        fourEyes: http.fourEyes,
        lifetimeMs: http.lifetimeMinutes * 60_000,
      })
      const edge = createEdge({
        publicUrl,
        issuer: http.oidc?.issuer ?? publicUrl,
        mcp,
        inbox,
        signIn,
        onMcp: deps.onMcp,
      })
      return { fetch: (request) => edge.fetch(request), close: () => mcp.close() }
    },
    async close() {
      await Promise.all([close(), webhook?.close()])
    },
  }
}

interface Identity {
  readonly rules: BearerRules
  readonly signInOf: () => SignIn
  readonly token: string | undefined
  readonly reachesIssuer: () => Promise<boolean>
  close(): Promise<void>
}

type SignInParts = Pick<ConstructorParameters<typeof OidcSignIn>[0], 'cookies' | 'sessions' | 'seal'>

/** Who vouches for people: the issuer of the settings, or the sandbox itself. */
async function identityOf(
  { http: { oidc }, publicUrl, clock, proxy }: TeamDeps,
  parts: SignInParts,
): Promise<Identity> {
  const metadataUrl = publicUrl + METADATA_PATH
  if (!oidc) {
    const audience = `${publicUrl}/mcp`
    const identity: SandboxIdentity = await createSandboxIdentity(publicUrl, audience)
    return {
      rules: { issuer: async () => publicUrl, key: identity.key, audience, names: identity.names, metadataUrl },
      signInOf: () => new SandboxSignIn(parts.sessions, identity, publicUrl),
      token: identity.token,
      reachesIssuer: async () => true,
      close: async () => undefined,
    }
  }
  const issuer = new Issuer(oidc.issuer, { clock, proxy })
  const known = async () => (await issuer.metadata()).issuer
  return {
    rules: { issuer: known, key: issuer.key, audience: oidc.audience, names: oidc, metadataUrl },
    signInOf: () => new OidcSignIn({ ...parts, issuer, oidc, publicUrl, clock, fault: showNotice }),
    token: undefined,
    reachesIssuer: async () => (await known()) !== '',
    close: () => issuer.close(),
  }
}
