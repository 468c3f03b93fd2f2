/** What is looked at, in the order of dependence, and what people read. The names are stable: scripts rely on them. */
export const titles = {
  node: 'Node.js',
  settings: 'Settings',
  proxy: 'Proxy',
  certificates: 'Certificates',
  address: 'Address',
  tls: 'TLS',
  token: 'Token',
  customers: 'Customers',
  record: 'One customer',
  browser: 'Browser',
  approval_page: 'Approval page',
  audit: 'Audit trail',
} as const

export type CheckName = keyof typeof titles

/** What a check found, in words without a secret; a line break separates several things. */
export type Finding =
  | { readonly status: 'ok'; readonly found: string }
  | { readonly status: 'warning' | 'problem'; readonly found: string; readonly remedy: string }
  /** Not looked at, and why. `blocks`: because something is missing, so that what depends on it is skipped as well. */
  | { readonly status: 'skipped'; readonly found: string; readonly blocks: boolean }

export type Check = Finding & { readonly name: CheckName }

export interface Step {
  readonly name: CheckName
  /** Steps before it without whose success it tells nothing. */
  readonly needs?: readonly CheckName[]
  /** It waits for the network: all of these together may take so long, and no longer. */
  readonly network?: boolean
  /** Never throws by itself. Once `signal` is aborted nobody waits for it, and it has to let go of what it holds. */
  run(signal: AbortSignal): Finding | Promise<Finding>
}

export const ok = (found: string): Finding => ({ status: 'ok', found })
export const warning = (found: string, remedy: string): Finding => ({ status: 'warning', found, remedy })
export const problem = (found: string, remedy: string): Finding => ({ status: 'problem', found, remedy })
/** There is nothing to look at here. */
export const notNeeded = (found: string): Finding => ({ status: 'skipped', found, blocks: false })
/** Something that it needs is not there. */
export const lacking = (found: string): Finding => ({ status: 'skipped', found, blocks: true })
