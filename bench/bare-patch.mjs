import process from 'node:process'
import { request } from 'undici'

/** The floor of every call: one PATCH over a kept connection, answered with its content. */
export async function barePatch(dispatcher, url, changes) {
  const headers = { authorization: `Bearer ${process.env.AIFI_TOKEN}`, 'content-type': 'application/json' }
  const { body } = await request(url, { dispatcher, method: 'PATCH', headers, body: JSON.stringify(changes) })
  return body.text()
}
