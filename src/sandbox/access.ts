import { randomBytes } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'

/** Keycloak's default lifetime of an access token. */
const TOKEN_LIFETIME_SECONDS = 300

/** Both ways in: the standing token, and tokens issued for the client credentials until they expire. */
export class Access {
  readonly token = randomSecret()
  readonly clientId = 'sandbox-client'
  readonly clientSecret = randomSecret()
  readonly #clock: Pick<Clock, 'now'>
  readonly #expiries = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** True when the `Authorization` header carries a bearer token that is valid now. */
  admits(authorization = ''): boolean {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
    return token === this.token || (this.#expiries.get(token) ?? 0) > this.#clock.now()
  }

  /** The answer of Keycloak's token endpoint to this form. */
  answerTokenRequest(form: URLSearchParams) {
    const grantType = form.get('grant_type')
    if (!grantType) return refusal(400, 'invalid_request', 'Missing form parameter: grant_type')
    if (grantType !== 'client_credentials') return refusal(400, 'unsupported_grant_type', 'Unsupported grant_type')
    if (form.get('client_id') !== this.clientId || form.get('client_secret') !== this.clientSecret) {
      return refusal(401, 'invalid_client', 'Invalid client or Invalid client credentials')
    }
    const token = randomSecret()
    this.#expiries.set(token, this.#clock.now() + TOKEN_LIFETIME_SECONDS * 1000)
    return {
      status: 200,
      body: {
        access_token: token,
        expires_in: TOKEN_LIFETIME_SECONDS,
        refresh_expires_in: 0,
        token_type: 'Bearer',
        'not-before-policy': 0,
        scope: 'email profile',
      },
    } as const
  }
}

function refusal<Status extends number>(status: Status, error: string, description: string) {
  return { status, body: { error, error_description: description } }
}

function randomSecret(): string {
  return `sandbox-${randomBytes(24).toString('base64url')}`
}
