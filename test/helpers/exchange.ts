import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'

export interface PageAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface PageRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** What an https address may be certified by, besides what Node trusts. */
  readonly ca?: string
}

/** One request with exactly these headers (`Host` too), as no browser and no `fetch` would let a program send it. */
export function exchange(address: string, { method = 'GET', headers = {}, body, ca }: PageRequest = {}) {
  return new Promise<PageAnswer>((resolve, reject) => {
    const request = address.startsWith('https:') ? https.request : http.request
    const sent = request(address, { method, headers, agent: false, ...(ca !== undefined && { ca }) }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
