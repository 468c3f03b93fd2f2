import { readingOnly } from '../aifi/client.ts'
import type { Http } from '../aifi/exchange.ts'
import { createHttp } from '../aifi/http.ts'
import type { Credentials, ProxySettings } from '../aifi/port.ts'
import { createSender, type Sender } from '../aifi/retrying.ts'
import { createTokens, type TokenSource } from '../aifi/tokens.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'

/** The way into AiFi that the server itself would take, through which nothing but reading can leave. */
export interface AifiAccess {
  readonly tokens: TokenSource
  readonly send: Sender
  readonly timeoutMs: number
  /** What the token endpoint said last about how long its token lives, in seconds. */
  lifetimeSeconds(): number | undefined
  close(): Promise<void>
}

/** Longer than this nobody wants to wait for a diagnosis, milliseconds. */
const TIMEOUT_MS = 8_000

export function openAccess(
  credentials: Credentials,
  { proxy, clock, ...options }: { proxy: ProxySettings; timeoutMs: number; clock: Clock },
): AifiAccess {
  const timeoutMs = Math.min(options.timeoutMs, TIMEOUT_MS)
  const http = readingOnly(createHttp({ timeoutMs, clock, proxy }), credentials)
  let lifetimeSeconds: number | undefined
  const watched: Http = {
    ...http,
    async exchange(request) {
      const exchange = await http.exchange(request)
      const body = exchange.kind === 'answered' && exchange.body.kind === 'json' ? exchange.body.value : undefined
      if (request.method === 'POST' && isJsonObject(body)) lifetimeSeconds = Number(body.expires_in) || undefined
      return exchange
    },
  }
  const tokens = createTokens(credentials, watched, clock)
  return {
    tokens,
    send: createSender(watched, tokens, clock, timeoutMs),
    timeoutMs,
    lifetimeSeconds: () => lifetimeSeconds,
    close: () => http.close(),
  }
}
