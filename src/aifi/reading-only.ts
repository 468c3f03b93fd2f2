import type { Credentials } from './access.ts'
import type { Failure } from './failure.ts'
import type { Http } from './http.ts'

const refused: Failure = {
  kind: 'not_sent',
  cause: 'read_only',
  detail: 'This server may only read (AIFI_READ_ONLY).',
}

/**
 * The same connections, through which only reading can leave: GET, and the POST that asks the token endpoint of these
 * credentials for a token. All that a client sends goes through here, whatever asked for it.
 */
export function readingOnly(http: Http, credentials: Credentials): Http {
  const tokenUrl = credentials.kind === 'client' ? new URL(credentials.tokenUrl).href : undefined
  return {
    async exchange(request) {
      const { method, url } = request
      const mayLeave = method === 'GET' || (method === 'POST' && url.href === tokenUrl)
      return mayLeave ? http.exchange(request) : refused
    },
    close: () => http.close(),
  }
}
