import process from 'node:process'
import { request } from 'undici'

/**
 * The floor of every change: one PATCH over a kept connection; resolves with the content of the answer.
 *
 * @param {import('undici').Dispatcher} dispatcher
 * @param {string} url
 * @param {object} changes
 */
export async function barePatch(dispatcher, url, changes) {
  const headers = { authorization: `Bearer ${process.env.AIFI_TOKEN}`, 'content-type': 'application/json' }
  const { body } = await request(url, { dispatcher, method: 'PATCH', headers, body: JSON.stringify(changes) })
  return body.text()
}

/**
 * The floor of every look at a record.
 *
 * @param {import('undici').Dispatcher} dispatcher
 * @param {string} url
 */
export async function bareGet(dispatcher, url) {
  const headers = { authorization: `Bearer ${process.env.AIFI_TOKEN}` }
  const { body } = await request(url, { dispatcher, headers })
  return body.text()
}
