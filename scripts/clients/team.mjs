// `http --sandbox` as a process, and Alex, who approves whatever waits in its inbox.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** An answer within 0.7 s was given by nobody who read the question, as the server sees it. */
const READING_MS = 1_000
const LOOK_MS = 300

/** @param {string} node @param {string} program */
export async function startTeam(node, program) {
  const env = { PATH: process.env.PATH ?? '', AIFI_LISTEN: '127.0.0.1:0', AIFI_OPS_LISTEN: '127.0.0.1:0' }
  const child = spawn(node, [program, 'http', '--sandbox'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  /** @type {Record<string, string>} */
  const printed = {}
  for await (const line of createInterface({ input: child.stdout })) {
    const [name = '', value = ''] = line.split(/=(.*)/s)
    printed[name] = value
    if (name === 'APPROVALS_URL') break
  }
  const { MCP_URL: url = '', MCP_TOKEN: token = '', APPROVALS_URL: approvals = '' } = printed
  if (!approvals) throw new Error('http --sandbox did not start')
  const leaving = new AbortController()
  const approving = approve(approvals, leaving.signal)
  return {
    url,
    token,
    async close() {
      leaving.abort()
      await approving
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Signs in as Alex and approves each question, after having read it. @param {string} approvals @param {AbortSignal} leaving */
async function approve(approvals, leaving) {
  const { origin } = new URL(approvals)
  const own = { Origin: origin, 'Sec-Fetch-Site': 'same-origin' }
  const post = (
    /** @type {string} */ path,
    /** @type {Record<string, string>} */ headers,
    /** @type {URLSearchParams} */ body,
  ) => fetch(origin + path, { method: 'POST', headers: { ...own, ...headers }, body, redirect: 'manual' })
  const signedIn = await post('/approvals/sign-in', {}, new URLSearchParams({ person: 'alex' }))
  const Cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const get = async (/** @type {string} */ path) => (await fetch(origin + path, { headers: { Cookie } })).text()
  while (!leaving.aborted) {
    await pause(LOOK_MS)
    const [waiting = ''] = (await get('/approvals')).split('Decided lately')
    const [, path] = /href="(\/approvals\/[\w-]+)"/.exec(waiting) ?? []
    if (!path) continue
    const form = new URLSearchParams({ decision: 'approve' })
    for (const [input] of (await get(path))
      .split('<main>')
      .at(-1)
      ?.matchAll(/<input[^>]*>/g) ?? []) {
      const [name, value] = ['name', 'value'].map((each) => new RegExp(`${each}="([^"]*)"`).exec(input)?.[1])
      if (name) form.set(name, value ?? 'typed-by-a-person')
    }
    await pause(READING_MS)
    await post(path, { Cookie }, form)
  }
}
