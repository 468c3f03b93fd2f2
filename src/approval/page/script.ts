import { cspHash } from './security.ts'

/**
 * The page's only script. It tells the server which questions a visible tab shows, takes in what is new without moving
 * what is there or taking the focus, and keeps one event stream, which a newer tab ends. It decides nothing: answers
 * are the forms' own. Everything that it needs to know stands in the document: see `view.ts`.
 */
export const script = `
const main = document.querySelector('main')
const note = document.getElementById('note')
const confirmed = new Set()
document.getElementById('without')?.remove()

/** Tells the server, once for each form, that it is in front of somebody. */
function confirm() {
  if (document.visibilityState !== 'visible') return
  const tokens = [...main.querySelectorAll('[name=token]')].map((input) => input.value)
  const fresh = tokens.filter((token) => !confirmed.has(token))
  if (fresh.length === 0) return
  for (const token of fresh) confirmed.add(token)
  const forget = () => { for (const token of fresh) confirmed.delete(token) }
  const body = new URLSearchParams(fresh.map((token) => ['token', token]))
  fetch(main.dataset.seen, { method: 'POST', body }).then((answer) => answer.ok || forget(), forget)
}

/** A card as it is now; it must not take the focus from where it is. */
function elementOf(html) {
  const card = new DOMParser().parseFromString(html, 'text/html').body.firstElementChild
  for (const each of [card, ...card.querySelectorAll('[autofocus]')]) each.removeAttribute('autofocus')
  return card
}

/** A card that has changed takes as much room as before. */
function replace(old, card) {
  const focused = old.contains(document.activeElement)
  card.style.minHeight = old.offsetHeight + 'px'
  old.replaceWith(card)
  if (!focused) return
  card.tabIndex = -1
  card.focus({ preventScroll: true })
}

function show({ title, headline, over, cards }) {
  document.title = title
  const heading = document.getElementById('headline')
  if (heading) heading.textContent = headline
  document.getElementById('over').hidden = !over
  for (const { id, html } of cards) {
    const card = elementOf(html)
    const old = document.getElementById(id)
    if (!old) {
      note.before(card)
      note.textContent = note.dataset.more
    } else if (old.dataset.state !== card.dataset.state) replace(old, card)
  }
  const listed = new Set(cards.map(({ id }) => id))
  const last = [...main.querySelectorAll('form')].at(-1)
  for (const old of main.querySelectorAll('article')) {
    const moves = last && old.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING
    if (!listed.has(old.id) && !moves) old.remove()
  }
  confirm()
}

const events = new EventSource(main.dataset.events)
events.addEventListener('cards', (event) => show(JSON.parse(event.data)))
events.addEventListener('closed', () => events.close())
events.addEventListener('replaced', () => {
  events.close()
  main.replaceChildren(document.getElementById('replaced').content)
})
events.addEventListener('open', () => { if (note.textContent === note.dataset.lost) note.textContent = '' })
events.addEventListener('error', () => { note.textContent = note.dataset.lost })
addEventListener('visibilitychange', confirm)
addEventListener('pagehide', () => events.close())
addEventListener('pageshow', (event) => { if (event.persisted) location.reload() })
addEventListener('keydown', (event) => { if (event.repeat && event.target.closest('button')) event.preventDefault() })
confirm()
`

/** The script as a CSP source: `sha256-…`. */
export const scriptHash = cspHash(script)
