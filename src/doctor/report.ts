import { version } from '../lib/version.ts'

/** What can be checked, and the titles that people read. The names are stable: scripts rely on them. */
export const titles = {
  node: 'Node.js',
  settings: 'Settings',
  certificates: 'Certificates',
  proxy: 'Proxy',
  token: 'Token',
  address: 'Address',
  tls: 'TLS',
  customers: 'Customers',
  record: 'One customer',
  browser: 'Browser',
  approval_page: 'Approval page',
  audit: 'Audit trail',
  public_url: 'Public URL',
  issuer: 'Issuer',
  issuer_keys: 'Issuer’s keys',
  client: 'Client',
  redirect: 'Redirect',
  access_token: 'Access token',
  id_token: 'ID token',
  person: 'One person',
  database: 'Database',
  tables: 'Tables',
  clock: 'Clock',
} as const

export type CheckName = keyof typeof titles

/** What `doctor` checks, in this order. */
export const stdioChecks: readonly CheckName[] = [
  ...(['node', 'settings', 'certificates', 'proxy', 'token', 'address', 'tls', 'customers', 'record'] as const),
  ...(['browser', 'approval_page', 'audit'] as const),
]

/** What `doctor http` checks, in this order. */
export const httpChecks: readonly CheckName[] = [
  ...(['node', 'settings', 'certificates', 'public_url', 'issuer', 'issuer_keys'] as const),
  ...(['client', 'redirect', 'access_token', 'id_token', 'person', 'database', 'tables', 'audit', 'clock'] as const),
  ...(['proxy', 'token', 'address', 'tls', 'customers', 'record'] as const),
]

/** What a check found, in words without a secret; a line break separates several things. */
export type Finding = { readonly status: 'ok' | 'skipped'; readonly found: string } | Problem

/** One that somebody has to do something about. */
export interface Problem {
  readonly status: 'warning' | 'problem'
  readonly found: string
  readonly remedy: string
}

export type Check = Finding & { readonly name: CheckName }

/** One setting: what holds, as far as it may be shown, and where that comes from. */
export interface SettingRow {
  readonly name: string
  readonly from: 'environment' | 'file' | 'default' | 'sandbox'
  readonly value: string
}

export const ok = (found: string): Finding => ({ status: 'ok', found })
/** Not checked, and why. */
export const skipped = (found: string): Finding => ({ status: 'skipped', found })
export const warning = (found: string, remedy: string): Problem => ({ status: 'warning', found, remedy })
export const problem = (found: string, remedy: string): Problem => ({ status: 'problem', found, remedy })

/** A sentence of somebody else's, in the middle of a line. */
export const fragment = (sentence: string): string => sentence.replace(/\.$/, '')

/** ANSI colours (SGR). */
const COLOURS = { ok: 32, warning: 33, problem: 31, skipped: 2 } as const
const BOLD = 1
const DIM = 2
const STATUS_WIDTH = Math.max(...Object.keys(COLOURS).map((word) => word.length))
const TITLE_WIDTH = Math.max(...Object.values(titles).map((title) => title.length))
const INDENT = ' '.repeat(STATUS_WIDTH + TITLE_WIDTH + 3)

export interface ReportOptions {
  readonly colour: boolean
  /** What should be checked; default: {@link stdioChecks}. */
  readonly expected?: readonly CheckName[]
}

/** What people read: one line for each thing that was found, and what to do about it on the next. */
export class Report {
  readonly #colour: boolean
  readonly #expected: readonly CheckName[]

  constructor({ colour, expected = stdioChecks }: ReportOptions) {
    this.#colour = colour
    this.#expected = expected
  }

  check({ name, ...finding }: Check): string {
    return this.finding(titles[name], finding)
  }

  finding(title: string, finding: Finding): string {
    const status = this.#paint(COLOURS[finding.status], finding.status.padEnd(STATUS_WIDTH))
    const remedy = 'remedy' in finding ? [`do: ${finding.remedy}`] : []
    const lines = [...finding.found.split('\n'), ...remedy]
    return `${status} ${this.#paint(BOLD, title.padEnd(TITLE_WIDTH))}  ${lines.join(`\n${INDENT}`)}\n`
  }

  heading(text: string): string {
    return `\n${this.#paint(BOLD, text)}\n`
  }

  /** The settings that somebody has set. */
  settings(rows: readonly SettingRow[]): string {
    const set = rows.filter(({ from }) => from === 'environment' || from === 'file')
    const width = Math.max(0, ...set.map(({ name }) => name.length))
    const lines = set.map(({ name, value, from }) => `${name.padEnd(width)}  ${value} (${from})`)
    if (rows.some(({ from }) => from === 'sandbox')) lines.push('address and credentials: those of the sandbox')
    return lines.map((line) => `${INDENT}${this.#paint(DIM, line)}\n`).join('')
  }

  /** @param before what was found besides, before the checks */
  summary(checks: readonly Check[], before: readonly Finding[] = []): string {
    const all = [...before, ...checks]
    const counts = (['problem', 'warning'] as const).flatMap((status) => {
      const count = all.filter((check) => check.status === status).length
      return count === 0 ? [] : [`${count} ${status}${count === 1 ? '' : 's'}`]
    })
    const isFine = counts.length === 0
    const words = hasProblem(all)
      ? `${counts.join(' and ')}. Begin with the first.`
      : `It works, with ${counts.join()}.`
    const left = uncheckedIn(checks, this.#expected).map((name) => titles[name])
    const rest = left.length > 0 ? `Not checked because of that: ${left.join(', ')}.\n` : ''
    const verdict = this.#paint(BOLD, isFine ? 'Everything is in order.' : words)
    return `\n${verdict}\n${rest}This only read: nothing was changed at AiFi.\n`
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}

/** What `doctor --json` prints. */
export interface DoctorJson {
  readonly ok: boolean
  readonly version: string
  readonly checks: readonly Check[]
  readonly settings: readonly SettingRow[]
}

/** One object for scripts, in which every check has its place. */
export function asJson(
  checks: readonly Check[],
  settings: readonly SettingRow[],
  expected: readonly CheckName[],
): string {
  const unchecked = uncheckedIn(checks, expected).map((name) => ({
    name,
    ...skipped('not checked: something before it failed'),
  }))
  const all: DoctorJson = { ok: !hasProblem(checks), version, checks: [...checks, ...unchecked], settings }
  return `${JSON.stringify(all, null, 2)}\n`
}

/** What an earlier problem kept from being checked. */
function uncheckedIn(checks: readonly Check[], expected: readonly CheckName[]): CheckName[] {
  return expected.filter((name) => !checks.some((check) => check.name === name))
}

export function hasProblem(checks: readonly Finding[]): boolean {
  return checks.some(({ status }) => status === 'problem')
}
