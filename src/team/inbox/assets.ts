import { createHash } from 'node:crypto'

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

/** The script as a CSP source: `sha256-…`. */
export const scriptHash = `sha256-${createHash('sha256').update(script).digest('base64')}`
