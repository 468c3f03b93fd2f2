import type { PrivateField } from '../question.ts'
import { type Markup, markup } from './markup.ts'
import type { CardState } from './page-model.ts'

type Problems = Extract<CardState, { kind: 'waiting' }>['problems']

/** The `id` of the first of a field's two inputs. */
export function inputId(place: string, field: PrivateField): string {
  return `${place}-${field.name}`
}

/** Secrets the person types: each twice, never sent back to the page, kept out of password managers. */
export function privateFieldset(fields: readonly PrivateField[], problems: Problems, place: string): Markup {
  const firstWrong = fields.find((field) => problems[field.name] !== undefined)
  return markup`<fieldset aria-describedby="${place}-private">
<legend>For you to type</legend>
<p id="${place}-private">This is the shopper’s, <strong>never your own</strong>. It goes to AiFi only; the assistant does not see it.</p>
${fields.map((field) => fieldPair(field, problems[field.name], inputId(place, field), field === firstWrong))}
</fieldset>`
}

function fieldPair(field: PrivateField, problem: string | undefined, id: string, focused: boolean): Markup {
  const limits = limitsInWords(field)
  const describedBy = [limits && `${id}-limits`, problem !== undefined && `${id}-problem`].filter(Boolean).join(' ')
  const attributes = [
    markup` type="password" required autocomplete="off" autocapitalize="none" spellcheck="false" data-1p-ignore data-lpignore="true" data-bwignore data-form-type="other"`,
    field.minLength !== undefined && markup` minlength="${field.minLength}"`,
    field.maxLength !== undefined && markup` maxlength="${field.maxLength}"`,
    describedBy !== '' && markup` aria-describedby="${describedBy}"`,
    problem !== undefined && markup` aria-invalid="true"`,
  ]
  return markup`<div class="pair">
${problem !== undefined && markup`<p class="problem" id="${id}-problem">${problem}</p>`}
<div><label id="${id}-label" for="${id}">${field.label}</label><input id="${id}" name="${field.name}"${attributes}${focused && markup` autofocus`}></div>
<div><label id="${id}-again" for="${id}Again">Once more</label><input id="${id}Again" aria-labelledby="${id}-label ${id}-again" name="${field.name}Again"${attributes}></div>
${limits && markup`<p class="limits" id="${id}-limits">${limits}</p>`}
</div>`
}

function limitsInWords({ minLength, maxLength }: PrivateField): string | undefined {
  if (minLength !== undefined && maxLength !== undefined) return `${minLength} to ${maxLength} characters.`
  if (minLength !== undefined) return `At least ${minLength} characters.`
  return maxLength === undefined ? undefined : `At most ${maxLength} characters.`
}
