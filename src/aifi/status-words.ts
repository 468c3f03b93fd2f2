/** What AiFi was asked for when it answered. A lookup asks for the list of customers, a reading for one of them. */
export type Purpose =
  | { readonly for: 'change'; readonly customerId: number }
  | { readonly for: 'lookup' }
  | { readonly for: 'reading' }

/** A sentence for each thing that can be asked for; `{status}` and, of a change, `{customer}` are filled in. */
type Sentences = Readonly<Record<Purpose['for'], string>>

const TOKEN_REFUSED =
  'AiFi did not accept the access token (HTTP {status}). Whoever set this server up should check its credentials.'

/** What a status means. The first row that holds and has a sentence for what was asked for decides. */
const table: readonly (Partial<Sentences> & { readonly holds: (status: number) => boolean })[] = [
  {
    holds: within(300, 400),
    change:
      'AiFi answered with a redirect (HTTP {status}), which is not followed. Whoever set this server up should check AIFI_BASE_URL.',
    lookup: 'AiFi answered with a redirect (HTTP {status}), which is not followed. AIFI_BASE_URL may be wrong.',
  },
  {
    holds: oneOf(400, 422),
    change: 'AiFi refused the change as invalid (HTTP {status}).',
    lookup: 'AiFi refused the lookup as invalid (HTTP {status}).',
  },
  { holds: oneOf(401), change: TOKEN_REFUSED, lookup: TOKEN_REFUSED },
  {
    holds: oneOf(403),
    change:
      'AiFi did not allow this (HTTP {status}): the access token may not change customer {customer}, or may not see it.',
    lookup: 'AiFi did not allow this (HTTP {status}): the access token may not read customers.',
  },
  {
    holds: oneOf(404),
    change:
      'AiFi has no customer {customer} that this access token can see (HTTP {status}). Check the number with the user.',
    lookup: 'AiFi has no list of customers at this address (HTTP {status}). AIFI_BASE_URL may be wrong.',
    reading: 'This record could not be read (HTTP {status}). It may not exist; check the number.',
  },
  { holds: oneOf(405, 501), reading: 'This AiFi does not offer to read a single customer.' },
  {
    holds: oneOf(409),
    change: 'AiFi reports a conflict (HTTP {status}), such as a value that another customer has already.',
  },
  {
    holds: oneOf(429),
    change: 'AiFi is asked too often (HTTP {status}).',
    lookup: 'AiFi is being asked too often (HTTP {status}). Wait before you try again.',
  },
  {
    holds: within(400, 500),
    change: 'AiFi refused the change (HTTP {status}).',
    lookup: 'AiFi refused the lookup (HTTP {status}).',
    reading: 'AiFi refused to show the record (HTTP {status}).',
  },
  {
    holds: within(200, 300),
    lookup: "AiFi's answer was no complete list of customers (HTTP {status}).",
  },
]

const otherwise: Sentences = {
  change: 'AiFi failed (HTTP {status}).',
  lookup: 'AiFi failed (HTTP {status}). Try again later.',
  reading: "AiFi's answer was no customer record (HTTP {status}).",
}

/** Why AiFi's answer was not what it was asked for, in one or two sentences: what the status means, and what to do. */
export function statusWords(status: number, asked: Purpose): string {
  const row = table.find((each) => each.holds(status) && each[asked.for] !== undefined)
  const sentence = (row?.[asked.for] ?? otherwise[asked.for]).replace('{status}', String(status))
  return asked.for === 'change' ? sentence.replace('{customer}', String(asked.customerId)) : sentence
}

function oneOf(...statuses: readonly number[]): (status: number) => boolean {
  return (status) => statuses.includes(status)
}

function within(from: number, to: number): (status: number) => boolean {
  return (status) => status >= from && status < to
}
