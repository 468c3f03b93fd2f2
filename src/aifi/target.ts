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

/** The customers of a deployment: `GET` lists them, and `/{customerId}` below is one. `baseUrl` has no query. */
export function customersOf(baseUrl: string): Target {
  const { origin, path } = targetOf(baseUrl)
  return { origin, path: `${path.replace(/\/+$/, '')}/api/admin/v2/customers` }
}
