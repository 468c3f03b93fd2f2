import type { ChangeRequest, CustomerField } from '../customer/fields.ts'
import { WHO } from './question.ts'

/** What a change does to the shopper or the store, in the words of AiFi's pages. */
export function consequenceOf(field: CustomerField, request: ChangeRequest): string | undefined {
  const { changes } = request
  switch (field) {
    case 'blocked':
      return changes.blocked
        ? 'The customer cannot enter the store any more.'
        : 'The block is lifted. It may not be the only reason why they cannot get in.'
    case 'role':
      return changes.role === 'employee'
        ? 'Shopping sessions of an employee get no receipts.'
        : 'The role decides whether shopping sessions get receipts.'
    case 'email':
      return "It is also sent to the retailer's own systems."
    case 'externalId':
      return "It links this record to a customer in the retailer's own system."
    case 'password':
      return "The shopper's present password stops working. It can be changed again, but not brought back from here."
    case 'card':
      return 'It may replace the payment card that purchases are charged to.'
    case 'cardToken':
      return changes.cardToken === null
        ? 'The payment card is deleted. It cannot be restored from here.'
        : 'It may replace the payment card that purchases are charged to. The present one cannot be restored from here.'
    case 'metadata':
      return 'AiFi may replace all metadata. What is not listed in the new value could be lost.'
    default:
      return undefined
  }
}

/** What is done, as it stands on a button; undefined where `Change “Label” of …` says it. */
export function actionOf(field: CustomerField, { changes }: ChangeRequest): string | undefined {
  switch (field) {
    case 'blocked':
      return changes.blocked ? `Block ${WHO}` : `Unblock ${WHO}`
    case 'role':
      return `Change the role of ${WHO} to ${changes.role}`
    case 'password':
      return `Set a new password for ${WHO}`
    case 'cardToken':
      return changes.cardToken === null ? `Remove the payment card of ${WHO}` : `Replace the payment card of ${WHO}`
    case 'card':
      return `Replace the payment card of ${WHO}`
    default:
      return undefined
  }
}

/** AiFi never shows what was there before, so nobody can put it back. */
export function cannotBeRestored(field: CustomerField): boolean {
  return field === 'password' || field === 'cardToken' || field === 'card'
}
