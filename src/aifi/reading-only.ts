import type { Credentials } from './access.ts'
import type { Failure } from './failure.ts'
import type { Http } from './http.ts'
import { targetOf } from './target.ts'

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
  const endpoint = credentials.kind === 'client' ? targetOf(credentials.tokenUrl) : undefined
  return {
    async exchange(request) {
      const { method, origin, path } = request
      const isForToken = method === 'POST' && origin === endpoint?.origin && path === endpoint.path
      const mayLeave = method === 'GET' || isForToken
      return mayLeave ? http.exchange(request) : refused
    },
    close: () => http.close(),
  }
}
