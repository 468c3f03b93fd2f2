import { raw } from 'hono/html'
import { type Markup, markup } from '../../lib/markup.ts'

/** The pages of one process or of a team, as people know them. */
export const PAGES_NAME = 'AiFi customer approval'

/** What stands on the tab and in the browser's history. */
export function documentTitle(title: string): string {
  return `${title} · ${PAGES_NAME}`
}

export interface PageDocument {
  readonly title: string
  readonly style: string
  /** What stands in `main`. */
  readonly content: Markup
  /** Further elements of `head`. */
  readonly head?: Markup | undefined
  /** What stands in `header`; default: the name of the pages. */
  readonly header?: Markup | undefined
  /** Attributes of `main`, with a blank before each. */
  readonly attributes?: Markup | undefined
  /** What comes last in `body`: scripts, and what they need. */
  readonly end?: Markup | undefined
}

/** A complete HTML document. */
export function htmlDocument({ title, style, content, head, header, attributes, end }: PageDocument): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${documentTitle(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
${head}
<style>${raw(style)}</style>
</head>
<body>
<header>${header ?? markup`<p>${PAGES_NAME}</p>`}</header>
<main${attributes}>
${content}
</main>
<footer><p>This page never asks for your own password.</p></footer>
${end}
</body>
</html>
`.toString()
}
