import type { TypedSecrets } from '../../change/change.ts'
import { canBeTyped, type PrivateFieldName } from '../../customer/fields.ts'
import type { PrivateField } from '../question.ts'

type Typed = { ok: true; secrets: TypedSecrets } | { ok: false; problems: Partial<Record<PrivateFieldName, string>> }

/** Checks what a person typed, a new one twice, by the same limits that hold for the tool's arguments. */
export function typedSecrets(fields: readonly PrivateField[], form: URLSearchParams): Typed {
  const secrets: TypedSecrets = {}
  const problems: Partial<Record<PrivateFieldName, string>> = {}
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
