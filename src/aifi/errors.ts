import { isJsonObject } from '../lib/json.ts'

/** AiFi's error body as far as it makes sense. Text as AiFi sent it: untrusted, unbounded, may echo a secret. */
export interface AifiError {
  readonly message?: string
  /** `E_INVALID_BODY`, `E_UNAUTHORIZED`, …; an open list. */
  readonly type?: string
  /** At most 20. */
  readonly errors: readonly AifiFieldError[]
}

export interface AifiFieldError {
  /** Dotted below the top, without the quotes that AiFi puts around it: `card.provider`. Empty when AiFi named none. */
  readonly field: string
  readonly message: string
  /** The name of a Joi rule: `any.required`. Empty when AiFi named none. */
  readonly rule: string
}

/** The type of AiFi's error when it was the shopper's current password that it did not accept. */
export const LOGIN_FAILED = 'E_CUSTOMER_LOGIN_FAIL'

const ERROR_LIMIT = 20

/** Reads `{ message, type, errors: [{ error, rule, field }] }`. What has another shape is left out; never throws. */
export function extractError(body: unknown): AifiError {
  if (!isJsonObject(body)) return { errors: [] }
  const { message, type, errors } = body
  return {
    ...(isText(message) && { message }),
    ...(isText(type) && { type }),
    errors: Array.isArray(errors) ? errors.filter(isFieldError).slice(0, ERROR_LIMIT).map(toFieldError) : [],
  }
}

function isFieldError(entry: unknown): entry is { [key: string]: unknown } {
  return isJsonObject(entry) && (isText(entry.error) || isText(entry.field) || isText(entry.rule))
}

function toFieldError({ error, field, rule }: { [key: string]: unknown }): AifiFieldError {
  return {
    field: isText(field) ? unquoted(field) : '',
    message: isText(error) ? error : '',
    rule: isText(rule) ? rule : '',
  }
}

/** AiFi's field names are quoted as in Joi's messages: `"\"card.provider\""`. */
function unquoted(field: string): string {
  return field.length > 2 && field.startsWith('"') && field.endsWith('"') ? field.slice(1, -1) : field
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
