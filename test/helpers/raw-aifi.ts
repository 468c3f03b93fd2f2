import { once } from 'node:events'
import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'

/** An AiFi that keeps records as the bytes that it was sent, and answers with them: no parser in it could lose anything. */
export interface RawAifi {
  readonly url: string
  /** The record of every customer: the JSON text of each field. */
  record: Record<string, string>
  /** The bodies of all PATCH requests. */
  readonly patches: string[]
}

export async function startRawAifi(record: Record<string, string> = {}): Promise<RawAifi> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.method === 'PATCH') {
      const body = Buffer.concat(chunks).toString()
      aifi.patches.push(body)
      aifi.record = { ...aifi.record, ...rawMembers(body) }
    }
    const [path = '', query] = (request.url ?? '').split('?')
    const text = rawObject({ id: path.slice(path.lastIndexOf('/') + 1), ...aifi.record })
    response.writeHead(200, { 'content-type': 'application/json' }).end(query === undefined ? text : `[${text}]`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const aifi: RawAifi = { url: `http://127.0.0.1:${port}`, record, patches: [] }
  return aifi
}

export function rawObject(members: Readonly<Record<string, string>>): string {
  return `{${Object.entries(members)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`
}

/** The members of an object in compact JSON, each value as it is written. */
export function rawMembers(json: string): Record<string, string> {
  const members: [string, string][] = []
  let depth = 0
  let start = 1
  let inText = false
  for (let at = 0; at < json.length; at++) {
    const character = json[at] ?? ''
    if (inText && character === '\\') at++
    else if (character === '"') inText = !inText
    else if (inText) continue
    else if ('{['.includes(character)) depth++
    else if (character === ',' && depth === 1) {
      members.push(member(json.slice(start, at)))
      start = at + 1
    } else if (']}'.includes(character)) depth--
  }
  const last = json.slice(start, -1)
  return Object.fromEntries(last === '' ? members : [...members, member(last)])
}

function member(text: string): [string, string] {
  const end = /^"(?:[^"\\]|\\.)*":/.exec(text)?.[0].length ?? 0
  return [JSON.parse(text.slice(0, end - 1)), text.slice(end)]
}
