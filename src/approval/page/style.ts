import { cspHash } from './security.ts'

/**
 * The page's only style sheet. Colours are chosen for a contrast of at least 4.5:1 on what they stand on, in both
 * schemes; a test computes it. Borders carry what backgrounds say, because forced colours drop backgrounds.
 */
export const style = `
:root { color-scheme: light dark; --page: #f3f5f8; --card: #fff; --ink: #18202b; --soft: #55606f; --line: #d8dee6;
  --box: #eef1f5; --accent: #1b5fc1; --on-accent: #fff; --tint: #e6effc; --danger: #b3231b; --on-danger: #fff; --bad: #fdecea;
  --warn: #fff3d3; --warn-line: #d9a400; --good: #17703c }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f141b; --card: #19202a; --ink: #e7ecf3; --soft: #a5b1c1; --line: #37424f; --box: #252e3a;
    --accent: #84b4ff; --on-accent: #0a1b33; --tint: #1d314e; --danger: #ff9a90; --on-danger: #35070a; --bad: #3d1d1f;
    --warn: #3a2f12; --warn-line: #b48a1d; --good: #72d39a }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 47rem; padding: 0 1rem 2rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; overflow-wrap: anywhere }
header, footer { color: var(--soft); font-size: .875rem; padding: 0 .25rem }
h1, h2, h3, p, dl, dd, ul, fieldset { margin: 0 }
h1 { font-size: 1.5rem; line-height: 1.25 }
main > h1 { margin-bottom: 1rem }
h2 { font-size: 1.25rem; line-height: 1.3 }
.part > h2, .part > h3, legend { font-size: .875rem; font-weight: 600; color: var(--soft); margin-bottom: .375rem }
header p, footer p { margin: .875rem 0 }
.card { display: grid; gap: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .875rem;
  padding: 1.5rem; margin-bottom: 1rem; box-shadow: 0 1px 3px #0001 }
.card > *, td, dd { min-width: 0 }
em { color: var(--soft) }
small { color: var(--soft); font-size: .8125rem }
.badge { justify-self: start; border: 1px solid var(--warn-line); background: var(--warn); border-radius: 2rem; padding: .125rem .75rem;
  font-size: .875rem }
.facts .says { flex-basis: 100% }
.facts { display: flex; flex-wrap: wrap; gap: .375rem 2rem; font-size: .875rem }
dt { color: var(--soft); font-size: .8125rem }
.record { border: 1px solid var(--line); border-inline-start: .25rem solid var(--accent); border-radius: .5rem; padding: .75rem 1rem }
.record dl { display: grid; grid-template-columns: minmax(50%, 1fr) auto; gap: .25rem 1.5rem }
.who dd { font-size: 1.125rem; font-weight: 600 }
.email { grid-column: 1 / -1 }
.unreadable { margin-bottom: .75rem }
table { width: 100%; border-collapse: collapse; table-layout: fixed }
th, td { text-align: start; vertical-align: top; padding: .375rem .75rem .375rem 0; font-weight: 400 }
thead th { font-size: .8125rem; color: var(--soft); padding-block: 0 .25rem }
thead th:first-child { width: 26% }
tbody { border-top: 1px solid var(--line) }
tbody th { font-weight: 600 }
.value { display: inline-block; max-width: 100%; background: var(--box); border: 1px solid transparent; border-radius: .375rem;
  padding: 0 .5rem; white-space: break-spaces }
.after { padding-inline-end: 0 }
.after .value { background: var(--tint); border-color: var(--accent); font-weight: 600 }
.after .hidden { color: inherit }
.unread { border-bottom: 1px dashed }
.note { padding-top: 0; font-size: .875rem }
.record .note { margin-top: .5rem; border: 1px solid var(--warn-line); background: var(--warn); border-radius: .375rem; padding: .25rem .5rem }
.final, .removed { color: var(--danger) }
.loss { border-inline-start: .25rem solid var(--danger); background: var(--bad) }
.loss th, .loss td[colspan] { padding-inline-start: .75rem }
.tag { display: table; border: 1px solid; border-radius: .375rem; padding: 0 .375rem; color: var(--danger); font-size: .8125rem }
.again { font-weight: 600 }
form { display: grid; gap: .25rem; border-top: 1px solid var(--line); padding-top: 1rem }
fieldset { display: grid; gap: .75rem; min-width: 0; border: 0; padding: 0; margin-bottom: .5rem }
legend { padding: 0 }
.secret { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .375rem 1rem; align-items: end }
.secret p { grid-column: 1 / -1 }
.limits { font-size: .875rem; color: var(--soft) }
.problem { color: var(--danger); font-weight: 600 }
label { display: block; font-weight: 600; margin-bottom: .25rem }
input, button { font: inherit; min-height: 2.75rem; border-radius: .5rem }
input { width: 100%; padding: 0 .75rem; color: inherit; background: var(--card); border: 1px solid var(--soft) }
input[aria-invalid] { border: 2px solid var(--danger) }
.buttons { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: 1rem; margin-top: .75rem }
button { padding: .375rem .75rem; line-height: 1.3; border: 2px solid var(--soft); background: var(--card); color: var(--ink); font-weight: 600; cursor: pointer }
.approve { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
.approve.final { background: var(--danger); border-color: var(--danger); color: var(--on-danger) }
button:hover { box-shadow: 0 0 0 3px var(--line) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
a { color: inherit }
.alert { border: 1px solid var(--warn-line); background: var(--warn); border-radius: .5rem; padding: .75rem 1rem }
.alert.bad { border-color: var(--danger); background: var(--bad) }
.alert ul { padding-inline-start: 1.25rem }
.answered { grid-template-columns: auto 1fr; padding: 1.25rem 1.5rem }
.answered > div { display: grid; gap: .375rem }
.sign { width: 2.5rem; height: 2.5rem; border-radius: 50%; border: 2px solid; color: var(--soft); font-weight: 700; font-size: 1.125rem;
  line-height: 2.25rem; text-align: center }
.updated .sign, .unchanged .sign { color: var(--good) }
.failed .sign, .invalid .sign, .unknown .sign { color: var(--danger) }
.turning { border-color: var(--line); border-top-color: var(--accent) }
.summary { color: var(--soft); font-size: .875rem }
.end { text-align: center; margin: 1.5rem 0 }
@media (forced-colors: active) {
  .approve, .approve.final { forced-color-adjust: none; background: Highlight; border-color: Highlight; color: HighlightText }
  .approve:focus-visible { outline-color: CanvasText }
  .approve.final { border: 4px double HighlightText }
}
@media (prefers-reduced-motion: no-preference) {
  .turning { animation: turn 1.2s linear infinite }
  @keyframes turn { to { rotate: 1turn } }
}
@media (max-width: 34rem) {
  body { padding-inline: .75rem }
  .card { padding: 1rem }
  .facts { display: grid; gap: .25rem }
  .facts div { display: grid; grid-template-columns: 4.5rem 1fr; align-items: baseline }
  table, tbody, tr, th, td { display: block; width: auto }
  thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden }
  tbody { padding: .5rem 0 }
  th, td { padding: .125rem 0 }
  .loss { padding-inline-start: .75rem }
  .loss th, .loss td[colspan] { padding-inline-start: 0 }
  td[data-column] { display: grid; grid-template-columns: 4.5rem 1fr; justify-items: start; align-items: baseline }
  td[data-column]::before { content: attr(data-column) / ''; color: var(--soft); font-size: .8125rem }
}
`

/** The style sheet as a CSP source: `sha256-…`. */
export const styleHash = cspHash(style)
