import { setTimeout as sleep } from 'node:timers/promises'

/** A scripted answer takes as long as somebody who reads; the server takes a much faster one for no person's. */
const READING_MS = 1_000
const LOOK_MS = 200

/** @import { Running } from './world.mjs' */

/** Somebody who signs in at the issuer and answers in the inbox, as a browser without scripts would. */
export class Approver {
  #world
  #visitor

  /** @param {Running} world */
  constructor(world) {
    this.#world = world
    this.#visitor = new world.parts.Visitor(world.publicUrl, world.publicUrl, world.ca)
  }

  /** @param {string} login */
  async signIn(login) {
    const sentTo = await this.#visitor.get('/approvals')
    const back = new URL(await this.#world.issuer.signIn(String(sentTo.headers.location), login))
    await this.#visitor.get(back.pathname + back.search)
  }

  /** Looks into the inbox until a question waits; resolves with its path. */
  async firstQuestion() {
    for (;;) {
      const { body } = await this.#visitor.get('/approvals')
      const [, path] = /href="(\/approvals\/[\da-f-]{36})"/.exec(body) ?? []
      if (path) return path
      await sleep(LOOK_MS)
    }
  }

  /** Opens and reads it. @param {string} path */
  async read(path) {
    const { body } = await this.#visitor.get(path)
    await sleep(READING_MS)
    const text = (/** @type {RegExp} */ part) => plain(part.exec(body)?.[1] ?? '')
    return {
      title: text(/<h1[^>]*>(.*?)<\/h1>/s),
      email: text(/<dt>Email<\/dt><dd>(.*?)<\/dd>/s),
      effect: text(/class="note">(.*?)<\/td>/s),
      askedBy: text(/<dt>Asked by<\/dt><dd>(.*?)<\/dd>/s),
      button: text(/value="approve"[^>]*>(.*?)<\/button>/s),
      token: [...body.matchAll(/name="token" value="([^"]+)"/g)].at(-1)?.[1] ?? '',
    }
  }

  /** Presses the button that says yes. @param {string} path @param {string} token of the form */
  async approve(path, token) {
    await this.#visitor.post(path, { token, decision: 'approve' })
  }
}

/** @param {string} html */
function plain(html) {
  return html.replace(/<[^>]+>/g, '').trim()
}
