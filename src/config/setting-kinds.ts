import { isIP } from 'node:net'
import * as z from 'zod'
import { type CustomerField, customerFields, isCustomerField } from '../customer/fields.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'

/** What a setting may hold: in words for people, and as a schema from the text to the value. */
export interface Kind<Value> {
  readonly allowed: string
  /** In the words of the MCP registry; text unless it is said. A file path may begin with `~/`. */
  readonly format?: 'string' | 'number' | 'boolean' | 'filepath'
  /** The words, where there is a choice of them. */
  readonly choices?: readonly string[]
  /** Nobody may see the value. */
  readonly secret?: true
  /** Its messages are predicates ("is not a whole number") and never repeat the text: it may be a misplaced secret. */
  readonly schema: z.ZodType<Value, string>
}

/** One of the given words, in any case. */
export function oneOf<const Word extends string>(words: readonly Word[]): Kind<Word> {
  const error = ({ input }: { input: unknown }) => {
    const near = typeof input === 'string' ? nearestName(input, words) : undefined
    return near === undefined ? 'is none of the known words' : `is none of the known words (did you mean "${near}"?)`
  }
  const schema = z.string().toLowerCase().pipe(z.enum(words, { error }))
  return { allowed: words.join(', '), choices: words, schema }
}

/** A whole number within bounds, both included. */
export function wholeNumber(least: number, most: number, unit = ''): Kind<number> {
  const number = z.number().min(least, 'is too small').max(most, 'is too large')
  return {
    allowed: `a whole number ${unit && `of ${unit} `}from ${least} to ${most}`,
    format: 'number',
    schema: z
      .string()
      .regex(/^\d{1,9}$/, 'is not a whole number of at most nine digits')
      .transform(Number)
      .pipe(number),
  }
}

export const trueOrFalse: Kind<boolean> = {
  allowed: 'true, false',
  format: 'boolean',
  schema: z.stringbool({ truthy: ['true'], falsy: ['false'], error: 'is neither true nor false' }),
}

export const anyText: Kind<string> = {
  allowed: 'any text without control characters',
  schema: z.string().regex(/^\P{Cc}*$/u, 'has a line break or another control character in it'),
}

export const secretText: Kind<string> = { ...anyText, secret: true }

export const browserCommands: Kind<string> = {
  ...anyText,
  allowed: 'a program, with arguments if need be and %s for the address; several joined by : (; on Windows)',
}

export const filePath: Kind<string> = { ...anyText, allowed: 'path of a file', format: 'filepath' }

/** Text that can follow `Bearer ` in a header (RFC 9110, section 5.5), as issued: a space is always a paste error. */
export const token: Kind<string> = {
  allowed: 'the token alone, without "Bearer" and without spaces, line breaks or characters outside ASCII',
  secret: true,
  schema: z.string().regex(/^[!-~]+$/, 'has a space, a line break or another character that cannot stand in a header'),
}

/** Where AiFi is: `https://host[:port][/prefix]`, without a trailing slash. */
export const deployment: Kind<string> = {
  allowed: 'https://host[:port][/prefix], without /api/admin/v2; http only for localhost, 127.0.0.0/8 and [::1]',
  schema: z.string().transform((text, context) => {
    const url = checkedUrl(text, context)
    if (text.includes('?')) context.addIssue('has a query')
    if (/\/api\/admin\/v2(\/|$)/i.test(url.pathname)) context.addIssue('contains /api/admin/v2, which is added to it')
    return url.origin + url.pathname.replace(/\/+$/, '')
  }),
}

/** Where a team reaches this server: an origin, since its cookies belong to the whole of it. */
export const publicAddress: Kind<string> = {
  allowed: 'https://host[:port] without a path',
  schema: z.string().transform((text, context) => {
    const url = checkedUrl(text, context)
    if (url.protocol !== 'https:') context.addIssue('is not https')
    if (url.pathname !== '/' || url.search) context.addIssue('has a path or a query')
    return url.origin
  }),
}

/** An OpenID Connect issuer, exactly as its tokens name it. */
export const httpsAddress: Kind<string> = {
  allowed: 'an https address as the issuer writes it in its tokens; http only for localhost, 127.0.0.0/8 and [::1]',
  schema: z.string().transform((text, context) => {
    if (checkedUrl(text, context).search) context.addIssue('has a query')
    return text
  }),
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Where to listen: an IP address and a port; 0 is a free one. */
export const listenAddress: Kind<ListenAddress> = {
  allowed: 'IP address and port, as in 127.0.0.1:8080 or [::]:8080',
  schema: z.string().transform((text, context) => {
    const [, v6, v4, port] = /^(?:\[([\da-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? []
    const host = v6 ?? v4 ?? ''
    if (isIP(host) === 0 || Number(port) > 65_535) context.addIssue('is not an IP address and a port')
    return { host, port: Number(port) }
  }),
}

/** PostgreSQL's. Beyond this machine only with a certificate that is verified. */
export const storeAddress: Kind<string> = {
  allowed: 'postgres://user:password@host[:port]/database?sslmode=verify-full; without sslmode only for loopback',
  secret: true,
  schema: z.string().transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (!url || !/^postgres(ql)?:$/.test(url.protocol) || !url.hostname) context.addIssue('is not a postgres address')
    else if (!isLoopback(url) && url.searchParams.get('sslmode') !== 'verify-full')
      context.addIssue('has no sslmode=verify-full')
    else if (!/^(\?sslmode=(verify-full|disable))?$/.test(url.search))
      context.addIssue('may carry no parameter but sslmode=verify-full')
    else if (!isPercentEncoded([url.username, url.password, url.pathname].join('/')))
      context.addIssue('has a % that is not percent-encoded (%25)')
    return text
  }),
}

function isPercentEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== ''
  } catch {
    return false
  }
}

/** Characters of base64 or base64url for 32 bytes, padded or not; or hex. */
const KEY_TEXT = /^(?:[\w+/-]{43}=?|[\da-f]{64})$/i

/** One key of 32 bytes, or two while it is rotated: the first seals, both open. */
export const secretKeys: Kind<string> = {
  allowed: '32 random bytes in base64 (openssl rand -base64 32); two, separated by a comma, while rotating',
  secret: true,
  schema: z.string().superRefine((text, context) => {
    const keys = text.split(',').map((key) => key.trim())
    if (keys.length > 2 || keys.some((key) => !KEY_TEXT.test(key)))
      context.addIssue('is not one or two keys of 32 bytes')
    else if (keys.some((key) => new Set(key).size < 8)) context.addIssue('is not random')
  }),
}

export const approverGroup: Kind<string> = {
  allowed: 'one group, exactly as the claim lists it',
  schema: z.string().regex(/^[^\p{Cc},]+$/u, 'has a comma or a control character in it'),
}

/** Where OAuth tokens come from (RFC 6749, section 3.2: a query is allowed, a fragment is not). */
export const tokenEndpoint: Kind<string> = {
  allowed: 'an https address; http only for localhost, 127.0.0.0/8 and [::1]',
  schema: z.string().transform((text, context) => checkedUrl(text, context).href),
}

/** The same as a secret, since whoever knows it can post there. */
export const webhook: Kind<string> = { ...tokenEndpoint, secret: true }

function checkedUrl(text: string, context: z.RefinementCtx): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url?.host) {
    context.addIssue('is not a complete address')
    return new URL('https://invalid')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) context.addIssue('is not https')
  if (url.username || url.password) context.addIssue('has a user name or password in it')
  if (text.includes('#')) context.addIssue('has a fragment')
  return url
}

/** True for an address that cannot leave this machine. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
}

/** `a=b&c=d`, percent-encoded. The values may be secret. */
export const parameters: Kind<readonly (readonly [string, string])[]> = {
  allowed: 'name=value pairs joined by &, percent-encoded, other than client_id, client_secret and grant_type',
  secret: true,
  schema: z.string().transform((text, context) => {
    const wellFormed = text.split('&').every((pair) => /^[^=]+=/.test(pair))
    if (!wellFormed) context.addIssue('is not made of name=value pairs')
    const pairs = [...new URLSearchParams(text)]
    if (pairs.some(([name]) => ['client_id', 'client_secret', 'grant_type'].includes(name))) {
      context.addIssue('names a parameter that is sent anyway')
    }
    return pairs
  }),
}

/** Names of customer fields separated by commas or spaces, or `all`. */
export const fieldNames: Kind<'all' | readonly CustomerField[]> = {
  allowed: 'all, or names of customer fields separated by commas',
  schema: z.string().transform((text, context) => {
    const names = text.split(/[\s,]+/).filter(Boolean)
    if (names.includes('all')) return 'all'
    for (const name of names) if (!isCustomerField(name)) context.addIssue(unknownField(name))
    return names.filter(isCustomerField)
  }),
}

function unknownField(name: string): string {
  const near = nearestName(name, customerFields)
  // What resembles no field may be anything, a misplaced secret too: it is not repeated.
  if (near === undefined) return `has an entry that is no customer field (they are ${customerFields.join(', ')})`
  return `names "${harmless(name, 40)}", which is no customer field (did you mean ${near}?)`
}
