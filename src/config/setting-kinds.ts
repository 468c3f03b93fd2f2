import * as z from 'zod'
import { type CustomerField, customerFields, isCustomerField } from '../customer/fields.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'

/** What a setting may hold: in words for people, and as a schema from the text to the value. */
export interface Kind<Value> {
  readonly allowed: string
  /** In the words of the MCP registry. A file path may begin with `~/`. */
  readonly format: 'string' | 'number' | 'boolean' | 'filepath'
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
  return { allowed: words.join(', '), format: 'string', choices: words, schema }
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
  format: 'string',
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
  format: 'string',
  secret: true,
  schema: z.string().regex(/^[!-~]+$/, 'has a space, a line break or another character that cannot stand in a header'),
}

/** Where AiFi is: `https://host[:port][/prefix]`, without a trailing slash. */
export const deployment: Kind<string> = {
  allowed: 'https://host[:port][/prefix], without /api/admin/v2; http only for localhost, 127.0.0.0/8 and [::1]',
  format: 'string',
  schema: z.string().transform((text, context) => {
    const url = checkedUrl(text, context)
    if (text.includes('?')) context.addIssue('has a query')
    if (/\/api\/admin\/v2(\/|$)/i.test(url.pathname)) context.addIssue('contains /api/admin/v2, which is added to it')
    return url.origin + url.pathname.replace(/\/+$/, '')
  }),
}

/** Where OAuth tokens come from (RFC 6749, section 3.2: a query is allowed, a fragment is not). */
export const tokenEndpoint: Kind<string> = {
  allowed: 'an https address; http only for localhost, 127.0.0.0/8 and [::1]',
  format: 'string',
  schema: z.string().transform((text, context) => checkedUrl(text, context).href),
}

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
  format: 'string',
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
  format: 'string',
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
