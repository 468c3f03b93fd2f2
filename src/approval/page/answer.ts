import type { TypedSecrets } from '../../change/change.ts'
import type { GivenAnswer } from '../../change/changes.ts'
import { canBeTyped, type PrivateFieldName } from '../../customer/fields.ts'
import { Deadline } from '../../lib/clock.ts'
import { isWhole, type PrivateField, type Question } from '../question.ts'
import type { PageDeps } from './item.ts'
import type { CardAlert } from './words.ts'

/** A decision is answered with its outcome if AiFi answers within this long, milliseconds; otherwise the page says so. */
const OUTCOME_MS = 8_000

/** A yes or a no that a form brought. */
export interface PostedAnswer {
  readonly changeId: string
  /** As the person saw it. */
  readonly question: Question
  /** It was in front of them for long enough to be read. */
  readonly isReadable: boolean
  /** To which question it was given, which way it came, and by whom. */
  readonly given: Omit<GivenAnswer, 'answer'>
  /** `decision`, and what was typed. */
  readonly form: URLSearchParams
}

/** Why an answer did not count, so that the person is asked again. */
export interface Again {
  readonly alert?: CardAlert
  /** What was wrong with what was typed, per private field. */
  readonly problems?: Problems
}

/**
 * Takes the answer to a question that stands on a page. Resolves when the change has ended or is asked about anew, or
 * AiFi takes too long; undefined unless this question is to be answered again.
 */
export async function takeAnswer(
  answer: PostedAnswer,
  deps: Pick<PageDeps, 'changes' | 'clock'>,
): Promise<Again | undefined> {
  const { changeId, question, isReadable, given, form } = answer
  if (form.get('decision') !== 'approve') {
    await deps.changes.decide(changeId, { ...given, answer: 'declined' })
    return undefined
  }
  if (!isReadable) return { alert: { kind: 'too_early' } }
  // It was when it was put; since then the record has moved.
  if (!isWhole(question)) return { alert: { kind: 'record_changed' } }
  const typed = typedSecrets(question.privateFields, form)
  if (!typed.ok) return { problems: typed.problems }
  const verdict = await deps.changes.decide(changeId, { ...given, answer: 'approved' }, typed.secrets)
  if (verdict.kind === 'busy') return { alert: { kind: 'busy' } }
  await settled(changeId, deps)
  return undefined
}

async function settled(changeId: string, { changes, clock }: Pick<PageDeps, 'changes' | 'clock'>): Promise<void> {
  const patience = new Deadline(clock, OUTCOME_MS)
  const watch = changes.watch(changeId, { call: false })
  let change = await changes.get(changeId)
  while (change && (change.state === 'claimed' || change.state === 'sending') && !patience.passed) {
    change = await watch.next(change.version, patience.remainingMs, [])
  }
  watch.leave()
}

type Problems = Partial<Record<PrivateFieldName, string>>
type Typed = { ok: true; secrets: TypedSecrets } | { ok: false; problems: Problems }

/** Checks what a person typed, a new one twice, by the same limits that hold for the tool's arguments. */
function typedSecrets(fields: readonly PrivateField[], form: URLSearchParams): Typed {
  const secrets: TypedSecrets = {}
  const problems: Problems = {}
  for (const { name, minLength, maxLength, twice } of fields) {
    const value = form.get(name) ?? ''
    if (twice && value !== form.get(`${name}Again`))
      problems[name] = 'The two entries are not the same. Type it twice, exactly alike.'
    else if (canBeTyped(name, value)) secrets[name] = value
    else problems[name] = limitsIn(minLength, maxLength)
  }
  return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, secrets }
}

function limitsIn(minLength: number | undefined, maxLength: number | undefined): string {
  if (maxLength === undefined) return 'It must not be empty.'
  return `It must have ${minLength} to ${maxLength} characters.`
}
