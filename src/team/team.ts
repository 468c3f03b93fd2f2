import { randomBytes } from 'node:crypto'
import { createHttp } from '../aifi/http.ts'
import type { ProxySettings } from '../aifi/port.ts'
import { FormChannel } from '../approval/channels/form.ts'
import { Ladder, type LadderParts } from '../approval/ladder.ts'
import type { Deployment } from '../approval/question.ts'
import type { Changes } from '../change/changes.ts'
import { type HttpConfig, keysOfConfig } from '../config/http.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Warnings } from '../lib/warnings.ts'
import type { ServerDeps } from '../mcp/server.ts'
import type { BearerRules } from './bearer.ts'
import { createEdge, METADATA_PATH } from './edge.ts'
import { createNotify, InboxChannel } from './inbox/channel.ts'
import { createInbox } from './inbox/routes.ts'
import { createCookies, createFormTokens, createSessions } from './inbox/session.ts'
import { OidcSignIn, type SignIn } from './inbox/sign-in.ts'
import { Issuer } from './issuer.ts'
import { createMcpEndpoint } from './mcp-endpoint.ts'
import { createSandboxIdentity } from './sandbox-identity.ts'
import { createSeals, derivedKey, KEY_BYTES } from './seal.ts'

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

/** What makes a team's server of the program: who calls, who approves, and how they get there. */
export async function createTeam(deps: TeamDeps) {
  const { http, publicUrl, clock, logger, proxy } = deps
  const [newest = randomBytes(KEY_BYTES), ...older] = keysOfConfig(http)
  const keys = [newest, ...older]
  const seals = createSeals(keys)
  const cookies = createCookies({ secure: publicUrl.startsWith('https:') })
  const sessions = createSessions(seals('browser session'), cookies, clock)
  const identity = await createIdentity(deps, { cookies, sessions, seal: seals('sign-in') })
  const { rules, signIn, token, reachesIssuer } = identity
  const webhook = createHttp({ timeoutMs: NOTIFY_MS, clock, proxy })
  const onPut = http.notifyUrl && createNotify({ url: http.notifyUrl, publicUrl, http: webhook, logger })
  return {
    /** For the application: what has to be the same at every replica; the first of several is in use. */
    keys: {
      changes: keys.map((key) => derivedKey(key, 'changes')),
      states: keys.map((key) => derivedKey(key, 'request states')),
      markers: derivedKey(newest, 'markers'),
    },
    ladder: ({ changes, deployment }: LadderParts) => {
      const form = new FormChannel(changes, deployment, clock, { fallback: true })
      const inbox = new InboxChannel({ changes, publicUrl, personClaim: rules.names.personClaim, onPut })
      const channels = http.approval === 'auto' ? [form, inbox] : [inbox]
      return new Ladder(channels, 'Whoever runs this server should look at AIFI_PERSON_CLAIM.')
    },
    /** The sandbox's token for Sam; undefined elsewhere. */
    token,
    reachesIssuer,
    /** Everything that the outside can reach. */
    serve({ server, changes, deployment }: Served) {
      const { fourEyes } = http
      const mcp = createMcpEndpoint({ ...deps, server, rules, fourEyes, seal: seals('mcp session') })
      const inbox = createInbox({
        changes,
        deployment,
        sessions,
        signIn,
        forms: createFormTokens(seals('form'), clock),
        clock,
        publicUrl,
        fourEyes,
        lifetimeMs: http.lifetimeMinutes * 60_000,
      })
      const issuer = http.oidc?.issuer ?? publicUrl
      const edge = createEdge({ publicUrl, issuer, mcp, inbox, signIn, onMcp: deps.onMcp })
      return { fetch: (request: Request) => edge.fetch(request), close: () => mcp.close() }
    },
    /** The last thing: connections to the issuer and the webhook. */
    async close() {
      await Promise.all([identity.close(), webhook.close()])
    },
  }
}

/** Who vouches for people. */
interface Identity {
  readonly rules: BearerRules
  readonly signIn: SignIn
  readonly token?: string
  readonly reachesIssuer: () => Promise<boolean>
  close(): Promise<void>
}

type SignInParts = Pick<ConstructorParameters<typeof OidcSignIn>[0], 'cookies' | 'sessions' | 'seal'>

/** The issuer of the settings, or the sandbox itself. */
async function createIdentity(
  { http: { oidc }, publicUrl, clock, proxy }: TeamDeps,
  parts: SignInParts,
): Promise<Identity> {
  const metadataUrl = publicUrl + METADATA_PATH
  if (!oidc) {
    const audience = `${publicUrl}/mcp`
    const { key, names, token, signIn } = await createSandboxIdentity(publicUrl, audience, parts.sessions)
    return {
      rules: { issuer: async () => publicUrl, key, audience, names, metadataUrl },
      signIn,
      token,
      reachesIssuer: async () => true,
      close: async () => undefined,
    }
  }
  const issuer = new Issuer(oidc.issuer, { clock, proxy })
  const known = async () => (await issuer.metadata()).issuer
  return {
    rules: { issuer: known, key: issuer.key, audience: oidc.audience, names: oidc, metadataUrl },
    signIn: new OidcSignIn({ ...parts, issuer, oidc, publicUrl, clock }),
    reachesIssuer: async () => (await known()) !== '',
    close: () => issuer.close(),
  }
}
