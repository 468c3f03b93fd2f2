import Joi from 'joi'

/** The filters of `GET /customers`: exactly the documented ones. */
export interface CustomerQuery {
  externalId?: string
  email?: string
  paymentInstrumentProviderId?: string
  minCreatedAt?: Date
  maxCreatedAt?: Date
  minUpdatedAt?: Date
  maxUpdatedAt?: Date
}

const text = Joi.string().allow('')
const dateTime = Joi.date().iso()

/** A query is text, so unlike a body it is converted: a date-time becomes a `Date`. */
export const customerQuery = Joi.object<CustomerQuery, true>({
  externalId: text,
  email: text,
  paymentInstrumentProviderId: text,
  minCreatedAt: dateTime,
  maxCreatedAt: dateTime,
  minUpdatedAt: dateTime,
  maxUpdatedAt: dateTime,
}).prefs({ abortEarly: false })

/** The path parameter, converted from text as well. */
export const customerId = Joi.number<number>().integer().required().label('customerId')
