import type { Context } from 'hono'
import { inboxDocument, type Message, messagePage } from './view.ts'

interface Notice extends Message {
  readonly status: 200 | 400 | 403 | 404 | 503
}

const all = { href: '/approvals', label: 'All approvals' }
const again = { href: '/approvals', label: 'Try again' }

/** Pages that show nobody's data, and why. */
export const INBOX_NOTICES = {
  signed_out: {
    status: 200,
    title: 'Signed out',
    sentences: ['You are signed out here.'],
    next: { href: '/approvals', label: 'Sign in' },
  },
  refused: {
    status: 403,
    title: 'Not accepted',
    sentences: [
      'This did not come from a form that you were shown here, or you may not do this, so it changed nothing.',
      'Whatever waits still waits.',
    ],
    next: all,
  },
  unknown: {
    status: 404,
    title: 'Nothing here',
    sentences: ['There is no such question, it is long over, or it is not yours to see.'],
    next: all,
  },
  store_away: {
    status: 503,
    title: 'Not now',
    sentences: [
      'The database that keeps the questions cannot be reached. Nothing that waits is lost.',
      'If you have just answered, look again in a moment whether the answer has arrived.',
    ],
    next: again,
  },
  issuer_away: {
    status: 503,
    title: 'Not signed in',
    sentences: ['The sign-in service cannot be reached. Nothing that waits is lost.'],
    next: again,
  },
  not_completed: {
    status: 400,
    title: 'Not signed in',
    sentences: ['The sign-in was not completed: it took too long, was interrupted, or was begun in another browser.'],
    next: again,
  },
  no_person: {
    status: 403,
    title: 'Not signed in',
    sentences: [
      'The sign-in service did not say who you are, so you cannot approve here. Whoever runs this server should look at AIFI_PERSON_CLAIM.',
    ],
  },
} satisfies Record<string, Notice>

export type InboxNotice = keyof typeof INBOX_NOTICES

/** A complete HTML document. */
export function noticeDocument(notice: InboxNotice): string {
  const message = INBOX_NOTICES[notice]
  return inboxDocument({ title: message.title, content: messagePage(message) })
}

export function showNotice(c: Context, notice: InboxNotice): Response {
  return c.html(noticeDocument(notice), INBOX_NOTICES[notice].status)
}
