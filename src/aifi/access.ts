import type { Secret } from '../lib/secret.ts'

/** The ways into AiFi: a token issued by AiFi, or an application's id and secret (OAuth 2.0 client credentials). */
export type Credentials =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'client'
      readonly clientId: string
      readonly clientSecret: Secret
      readonly tokenUrl: string
      /** Further form parameters of the token request, as name and value; the values may be secret. */
      readonly tokenParams: readonly (readonly [string, string])[]
    }

/**
 * Proxies as data: the values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. The addresses may carry a password.
 * Loopback never goes through a proxy.
 */
export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
}
