import type { Failure } from './failure.ts'
import type { Body, HttpFacts } from './port.ts'

/** Where a request goes. */
export interface Target {
  /** `https://host[:port]` */
  readonly origin: string
  /** From `/` on, with the query. */
  readonly path: string
}

/** What an address leads to. Throws a TypeError on a malformed one. */
export function targetOf(address: string): Target {
  const { origin, pathname, search } = new URL(address)
  return { origin, path: pathname + search }
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>

export interface HttpRequest extends Target {
  readonly method: 'GET' | 'PATCH' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: string
  /** Stops the request as long as it has not left; afterwards without effect. */
  readonly signal?: AbortSignal | undefined
  /** Called just before the first byte leaves, on an open connection. */
  readonly onSending?: (() => void) | undefined
  /** Called with the headers of the answer, names in lower case. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** The largest content of an answer that is read, in bytes, packed and unpacked. Default: 1 MB. */
  readonly maxBytes?: number
}

/** How one exchange ended: one request, and the answer to it with its whole content. */
export type Exchange = { kind: 'answered'; http: HttpFacts; body: Body } | Failure

/** Connections, and the way to exchange over them. `http.ts` is the implementation. */
export interface Http {
  /** One request and its answer. Never throws, writes nothing twice, follows no redirect. */
  exchange(request: HttpRequest): Promise<Exchange>
  /** Ends all connections, and all exchanges with them. */
  close(): Promise<void>
}
