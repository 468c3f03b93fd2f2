import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

/** HTML that may stand in a page as it is. */
export type Markup = HtmlEscapedString

type Part = string | number | false | undefined | Markup | readonly Part[]

/** hono's `html`: whatever is put in and is not {@link Markup} is escaped. Never asynchronous here. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const made = html(strings, ...parts)
  if (made instanceof Promise) throw new TypeError('a part of a page is a promise')
  return made
}

/** Text from a record or a client: isolated, so that its writing direction cannot reorder what stands around it. */
export function foreign(text: string): Markup {
  return markup`<bdi>${text}</bdi>`
}
