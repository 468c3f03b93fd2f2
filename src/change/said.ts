import { type AifiError, extractError, LOGIN_FAILED } from '../aifi/errors.ts'
import type { Delivery } from '../aifi/port.ts'
import {
  type ChangeRequest,
  type CustomerChanges,
  changedFields,
  isSecretValue,
  secretStrings,
} from '../customer/fields.ts'
import { harmless } from '../lib/text.ts'
import type { FieldError } from '../mcp/result.ts'
import type { UpdateEnvelope } from './envelope.ts'

/** What AiFi said about a change, as far as a result may repeat it. */
export interface Said {
  readonly message?: string
  readonly type?: string
  readonly requestId?: string
  readonly errors: readonly FieldError[]
  /** AiFi's own words are left out: the request carried a secret. */
  readonly isWithheld: boolean
}

type ShownHttp = NonNullable<UpdateEnvelope['http']>

/** Bytes of AiFi's field errors that a result takes over. */
const ERRORS_LIMIT = 12_000

/**
 * What may be repeated of an answer. If the request carried a secret, no text of AiFi's is: validators echo values, cut
 * short, in other letters or encoded, in more spellings than could be looked for. Only names that are plain ones are.
 */
export function saidBy(delivery: Delivery, changes: CustomerChanges): Said {
  if (delivery.kind !== 'answered') return { errors: [], isWithheld: false }
  const said = carriesSecret(changes)
    ? namesOnly(delivery, changes)
    : inAifisWords(errorOf(delivery), delivery.http.requestId)
  const { errors } = said
  const fits = (count: number) => Buffer.byteLength(JSON.stringify(errors.slice(0, count))) <= ERRORS_LIMIT
  return { ...said, errors: errors.filter((_, index) => fits(index + 1)) }
}

/**
 * AiFi's own words about a change that it refused, for nobody but the person who typed the secrets in it: harmless, in
 * one line, not escaped for HTML. Undefined when there are none, or when not all of the secrets were typed.
 */
export function ownWords(delivery: Delivery, { changes, enterPrivately }: ChangeRequest): string | undefined {
  if (delivery.kind !== 'answered' || delivery.http.status < 400) return undefined
  if (enterPrivately.length === 0 || carriesSecret(changes)) return undefined
  const { message, errors } = errorOf(delivery)
  const texts = [message ?? '', ...errors.map((error) => error.message)].filter((text) => text !== '')
  return texts.length > 0 ? harmless(texts.map((text) => harmless(text)).join('; '), 2_000) : undefined
}

/** What a result shows of AiFi's answer. */
export function shownHttp(status: number, { type, requestId }: Pick<Said, 'type' | 'requestId'>): ShownHttp {
  return {
    status,
    ...(type !== undefined && status >= 400 && { type }),
    ...(requestId !== undefined && { requestId }),
  }
}

type Answered = Extract<Delivery, { kind: 'answered' }>

function errorOf({ body }: Answered): AifiError {
  return extractError(body.kind === 'json' ? body.value : undefined)
}

function carriesSecret(changes: CustomerChanges): boolean {
  return changedFields(changes).some((field) => isSecretValue(field, changes[field]))
}

/** An error as AiFi words it, harmless and within limits; for a request that carried no secret. */
export function inAifisWords({ message, type, errors }: AifiError, requestId?: string): Said {
  return {
    ...(message !== undefined && { message: harmless(message, 200) }),
    ...(type !== undefined && { type: harmless(type, 100) }),
    ...(requestId !== undefined && { requestId: harmless(requestId, 200) }),
    errors: errors.map(({ field, message, rule }) => ({
      field: harmless(field, 200),
      message: harmless(message),
      rule: harmless(rule, 100),
    })),
    isWithheld: false,
  }
}

function namesOnly(delivery: Answered, changes: CustomerChanges): Said {
  const { message, type = '', errors } = errorOf(delivery)
  const { requestId = '' } = delivery.http
  const secrets = secretStrings(changes)
  const isPlainType = type === LOGIN_FAILED || (/^E_[A-Z_]{1,60}$/.test(type) && isApart(type, secrets))
  const named = errors.map(({ field, rule }) => inOurWords(sentField(field, changes), plainRule(rule, secrets)))
  return {
    ...(isPlainType && { type }),
    ...(isPlainRequestId(requestId, secrets) && { requestId }),
    errors: named.filter(({ field, rule }) => field !== '' || rule !== ''),
    isWithheld: message !== undefined || errors.length > 0,
  }
}

function inOurWords(field: string, rule: string): FieldError {
  const what = field === '' ? 'A value' : field
  const message = rule === '' ? `AiFi refuses ${field}` : `${what} breaks AiFi's rule ${rule}`
  return { field, message, rule }
}

/** The field that was sent, never a member of it: the names of a card's members are as secret as their values. */
function sentField(field: string, changes: CustomerChanges): string {
  const [top = ''] = field.split(/[.[]/)
  return Object.hasOwn(changes, top) ? top : ''
}

function plainRule(rule: string, secrets: readonly string[]): string {
  return rule.length <= 60 && /^[a-z]+\.[A-Za-z.]+$/.test(rule) && isApart(rule, secrets) ? rule : ''
}

/** A UUID or a `traceparent` (W3C Trace Context), which are made by machines, unless it spells a secret in hexadecimal. */
function isPlainRequestId(id: string, secrets: readonly string[]): boolean {
  const isMachineMade = /^([\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2})$/i
  const inHex = secrets.map((secret) => Buffer.from(secret).toString('hex'))
  return isMachineMade.test(id) && isApart(id, secrets) && isApart(id.replaceAll('-', ''), [...secrets, ...inHex])
}

/** As many characters in a row that are the same are no chance. */
const SHARED = 6

/** True when the name holds no secret and no part of one, whatever the case. */
function isApart(name: string, secrets: readonly string[]): boolean {
  const lower = name.toLowerCase()
  const starts = Math.max(1, lower.length - SHARED + 1)
  const parts = Array.from({ length: starts }, (_, at) => lower.slice(at, at + SHARED))
  return secrets.every((secret) => {
    const other = secret.toLowerCase()
    return !lower.includes(other) && !parts.some((part) => other.includes(part))
  })
}
