import { createHash } from 'node:crypto'
import type { Context } from 'hono'

/** What a page of ours asks of browsers, so that nothing else can stand in it, around it, or answer in its place. */

/** A style or a script as a CSP source: `sha256-…`. */
export function cspHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

/** What stands in a page, as CSP sources. */
export interface PageSources {
  readonly scriptHash: string
  readonly styleHash: string
  /** Where its forms lead besides its own origin. */
  readonly formTargets?: readonly string[]
}

/**
 * On every answer: one style, one script, no outside resource, no framing; `same-origin`, since with `no-referrer`
 * browsers send `Origin: null`.
 */
export function securityHeaders({
  scriptHash,
  styleHash,
  formTargets = [],
}: PageSources): [name: string, value: string][] {
  const forms = ["'self'", ...formTargets].join(' ')
  return Object.entries({
    'Content-Security-Policy': `default-src 'none'; script-src '${scriptHash}'; style-src '${styleHash}'; connect-src 'self'; frame-ancestors 'none'; form-action ${forms}; base-uri 'none'`,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Cache-Control': 'no-store',
  })
}

/** A form of another site cannot say that it is of this origin: browsers fill in these headers themselves. */
export function isOwnForm(c: Context, origin: string): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(c.req.header('Content-Type') ?? '')
  return isForm && c.req.header('Origin') === origin && (site === undefined || site === 'same-origin')
}
