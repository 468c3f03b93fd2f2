import { customersOf, readingOf } from '../aifi/client.ts'
import { customerFields, fieldFacts } from '../customer/fields.ts'
import { isJsonObject } from '../lib/json.ts'
import type { AifiAccess } from './aifi-access.ts'
import { type Finding, ok, warning } from './check.ts'
import { refusal } from './customers-step.ts'

/** A record is a few hundred bytes, and `metadata` may be anything. */
const MAX_BYTES = 1_000_000
const WITHOUT =
  'Nothing to do: everything works without, but today’s values show as “not readable”, and nobody is found by number.'
/** Where AiFi starts counting is not known; nobody is there in all likelihood. */
const NOBODY = 0

export interface RecordOptions {
  readonly baseUrl: URL
  /** A customer that exists, if anybody named one. */
  readonly customerId: number | undefined
  readonly signal: AbortSignal
}

/** Whether AiFi answers `GET /customers/{customerId}`, which its pages do not document, and everything works without. */
export async function recordFinding(
  { send, timeoutMs }: AifiAccess,
  { baseUrl, customerId, signal }: RecordOptions,
): Promise<Finding> {
  const id = customerId ?? NOBODY
  const { origin, path: customers } = customersOf(baseUrl.href)
  const request = { method: 'GET', origin, path: `${customers}/${id}`, signal, maxBytes: MAX_BYTES } as const
  const sending = await send(request, { budgetMs: 2 * timeoutMs })
  const reading = readingOf(sending)
  if (reading.kind === 'record') return recordWords(reading.record, id)
  if (reading.kind === 'unreachable') return refusal(sending)
  if (reading.cause === 'not_offered') {
    return warning(`this AiFi does not offer to read one customer (HTTP ${reading.http?.status})`, WITHOUT)
  }
  if (reading.cause === 'not_found') return notFound(customerId, isJsonObject(jsonOf(sending)))
  const { found } = refusal(sending)
  return warning(`one customer cannot be read: ${found}`, WITHOUT)
}

/** Which fields are there; nothing that stands in them. */
function recordWords(record: object, id: number): Finding {
  if (!('id' in record) || record.id !== id) {
    return warning(`what came for customer ${id} is the record of no or another customer`, 'Please report it to AiFi.')
  }
  const wanted = customerFields.filter((name) => fieldFacts[name].readable || name === 'blocked')
  const missing = wanted.filter((name) => !Object.hasOwn(record, name))
  return ok(`customer ${id} can be read${missing.length > 0 ? `; not in the record: ${missing.join(', ')}` : ''}`)
}

function notFound(customerId: number | undefined, isAifi: boolean): Finding {
  const by = isAifi ? ', in words of AiFi' : ''
  if (customerId !== undefined) {
    return warning(
      `customer ${customerId} cannot be read (HTTP 404${by}): there is none, or this AiFi does not offer it`,
      'Try the number of a customer that certainly exists. Everything works without, but today’s values are “not readable”.',
    )
  }
  return warning(
    `cannot be told: there is no customer ${NOBODY} to read (HTTP 404${by}), which says nothing about others`,
    'Name a customer that exists, and it will be read: doctor --customer 4211.',
  )
}

function jsonOf(sending: Parameters<typeof readingOf>[0]): unknown {
  return sending.kind === 'answered' && sending.body.kind === 'json' ? sending.body.value : undefined
}
