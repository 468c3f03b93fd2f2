import type Joi from 'joi'
import { isJsonObject } from '../lib/json.ts'

/** `value` as the schema understands it. Throws Joi's `ValidationError` with every problem. */
export function validated<T>(schema: Joi.Schema<T>, value: unknown): T {
  // Joi copies an object by assignment: an own `__proto__` key would become the copy's prototype, and its members
  // would count as fields. An object without a prototype keeps it as the unknown key that it is.
  const plain: unknown = isJsonObject(value) ? Object.assign(Object.create(null), value) : value
  const result = schema.validate(plain)
  if (result.error) throw result.error
  return result.value
}

/** The documented body of a validation error, the literal quotes in `field` included. */
export function validationErrorBody(error: Joi.ValidationError) {
  return {
    message: 'Invalid request body',
    type: 'E_INVALID_BODY',
    errors: error.details.map(({ message, type, context }) => ({
      error: message,
      rule: type,
      field: `"${context?.label ?? 'value'}"`,
    })),
  }
}
