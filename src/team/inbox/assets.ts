import { cspHash } from '../../approval/page/security.ts'
import { style } from '../../approval/page/style.ts'

/**
 * The inbox's only script. It writes times in the reader's own zone, and says when there is something new: nothing
 * reloads, moves or takes the focus by itself. Without it the pages work, and times are those of the server.
 */
export const script = `
const format = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' })
for (const each of document.querySelectorAll('time')) {
  const at = new Date(each.dateTime)
  const isToday = at.toDateString() === new Date().toDateString()
  each.textContent = (isToday ? '' : day.format(at) + ', ') + format.format(at)
}
const news = document.querySelector('[data-news]')
if (news) {
  const say = (text) => {
    if (news.firstElementChild.textContent === text) return
    news.firstElementChild.textContent = text
    news.hidden = false
  }
  const look = async () => {
    if (document.visibilityState !== 'visible') return
    const answer = await fetch(news.dataset.news).catch(() => undefined)
    if (answer?.status === 401) return say('You are signed out. Sign in again.')
    if (!answer?.ok) return
    const { digest, title } = await answer.json()
    if (digest === news.dataset.digest) return
    say('There is something new. Show it.')
    if (title) document.title = title
  }
  setInterval(look, 5000)
  document.addEventListener('visibilitychange', look)
}
`

/** The page's own style, and what only the inbox has. */
export const inboxStyle = `${style}
header { margin: .75rem 0; display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; align-items: center }
header p { margin: 0 }
header form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; border: 0; padding: 0 }
header button { min-height: 2rem; padding: .125rem .75rem; font-size: .875rem; border-width: 1px }
.inbox { list-style: none; margin: 0 0 1.5rem; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: .875rem }
.inbox li { position: relative; display: grid; grid-template-columns: minmax(60%, 1fr) auto; gap: .125rem 1rem; padding: .75rem 1.25rem }
.inbox li + li { border-top: 1px solid var(--line) }
.inbox a { font-weight: 600 }
.inbox a::after { content: ''; position: absolute; inset: 0 }
.inbox li:hover { background: var(--box) }
.inbox p { color: var(--soft); font-size: .875rem }
.inbox .side { text-align: end }
.inbox .soon, .inbox .outcome { color: var(--ink); font-weight: 600 }
.inbox .unsure { color: var(--danger) }
.section { margin: 1.5rem 0 .5rem; font-size: 1.125rem }
.none { color: var(--soft); margin-bottom: 1.5rem }
.news { margin-bottom: 1rem }
.people { display: grid; gap: .75rem }
.plain { border: 0; padding: 0 }
@media (max-width: 34rem) {
  .inbox li { grid-template-columns: 1fr; padding: .75rem 1rem }
  .inbox .side { text-align: start }
  .inbox a { grid-row: 1 }
}
`

/** Both as CSP sources: `sha256-…`. */
export const scriptHash = cspHash(script)
export const inboxStyleHash = cspHash(inboxStyle)
