import type { ShownChange, ShownValue } from '../question.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { cannotBeRestored } from './page-words.ts'

/**
 * Field by field, what it is now and what it would be. The roles repeat what the elements mean because a narrow window
 * lays the rows out as blocks, and some browsers then no longer tell a screen reader that this is a table.
 */
export function changesTable(changes: readonly ShownChange[], labelledBy: string): Markup {
  return markup`<table role="table" aria-labelledby="${labelledBy}">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Field</th><th role="columnheader" scope="col">Now</th><th role="columnheader" scope="col">If you approve</th></tr></thead>
${changes.map(row)}
</table>`
}

function row(change: ShownChange): Markup {
  const { label, before, after, consequence } = change
  return markup`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row">${foreign(label)}</th><td role="cell" data-column="Now">${shown(before)}</td><td role="cell" data-column="After" class="after">${shown(after)}</td></tr>${
    consequence !== undefined &&
    markup`<tr role="row"><td role="cell" colspan="3" class="${cannotBeRestored(change) ? 'note final' : 'note'}">${foreign(consequence)}</td></tr>`
  }</tbody>
`
}

/** Only a value of the record is drawn in a box: one that reads "(none)" cannot pass for having none. */
function shown(value: ShownValue): Markup {
  switch (value.kind) {
    case 'value':
      return markup`<bdi class="value">${value.text}</bdi>`
    case 'nothing':
      return markup`<em>(none)</em>`
    case 'not_readable':
      return markup`<em class="unread">not readable</em>`
    case 'hidden':
      return markup`<em class="hidden">${foreign(value.text)}</em>`
  }
}
