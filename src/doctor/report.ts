/** What is checked, in this order, and the titles that people read. The names are stable: scripts rely on them. */
export const titles = {
  node: 'Node.js',
  settings: 'Settings',
  certificates: 'Certificates',
  token: 'Token',
  proxy: 'Proxy',
  address: 'Address',
  tls: 'TLS',
  customers: 'Customers',
  record: 'One customer',
  browser: 'Browser',
  approval_page: 'Approval page',
  audit: 'Audit trail',
} as const

export type CheckName = keyof typeof titles

/** What a check found, in words without a secret; a line break separates several things. */
export type Finding =
  | { readonly status: 'ok' | 'skipped'; readonly found: string }
  | { readonly status: 'warning' | 'problem'; readonly found: string; readonly remedy: string }

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
export const warning = (found: string, remedy: string): Finding => ({ status: 'warning', found, remedy })
export const problem = (found: string, remedy: string): Finding => ({ status: 'problem', found, remedy })
/** Not checked, because an earlier check failed. */
export const blockedBy = (name: CheckName): Finding => skipped(`not checked: it needs “${titles[name]}” first`)

/** ANSI colours (SGR). */
const COLOURS = { ok: 32, warning: 33, problem: 31, skipped: 2 } as const
const BOLD = 1
const DIM = 2
const STATUS_WIDTH = Math.max(...Object.keys(COLOURS).map((word) => word.length))
const TITLE_WIDTH = Math.max(...Object.values(titles).map((title) => title.length))
const INDENT = ' '.repeat(STATUS_WIDTH + TITLE_WIDTH + 3)

/** What people read: one line for each thing that was found, and what to do about it on the next. */
export class Report {
  readonly #colour: boolean

  constructor({ colour }: { readonly colour: boolean }) {
    this.#colour = colour
  }

  check({ name, ...finding }: Check): string {
    const status = this.#paint(COLOURS[finding.status], finding.status.padEnd(STATUS_WIDTH))
    const remedy = 'remedy' in finding ? [`do: ${finding.remedy}`] : []
    const lines = [...finding.found.split('\n'), ...remedy]
    return `${status} ${this.#paint(BOLD, titles[name].padEnd(TITLE_WIDTH))}  ${lines.join(`\n${INDENT}`)}\n`
  }

  /** The settings that somebody has set, and then what holds for the others. */
  settings(rows: readonly SettingRow[]): string {
    const set = rows.filter(({ from }) => from === 'environment' || from === 'file')
    const width = Math.max(0, ...set.map(({ name }) => name.length))
    const lines = set.map(({ name, value, from }) => `${name.padEnd(width)}  ${value} (${from})`)
    if (rows.some(({ from }) => from === 'sandbox')) lines.push('address and credentials: those of the sandbox')
    // What is missing is among the problems, and where tokens come from is said where one is fetched.
    const defaults = rows.filter(
      ({ from, value }) => from === 'default' && !/^(none|required|one way in)|:\/\//.test(value),
    )
    lines.push(`by default: ${defaults.map(({ name, value }) => `${name} ${value}`).join(', ')}`)
    return lines.map((line) => `${INDENT}${this.#paint(DIM, line)}\n`).join('')
  }

  summary(checks: readonly Check[]): string {
    const counts = (['problem', 'warning'] as const).flatMap((status) => {
      const count = checks.filter((check) => check.status === status).length
      return count === 0 ? [] : [`${count} ${status}${count === 1 ? '' : 's'}`]
    })
    const words = hasProblem(checks)
      ? `${counts.join(' and ')}. Begin with the first.`
      : counts.length > 0
        ? `It works, with ${counts.join()}.`
        : 'Everything is in order.'
    return `\n${this.#paint(BOLD, words)}\nThis only read: nothing was changed at AiFi.\n`
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}

export function hasProblem(checks: readonly Check[]): boolean {
  return checks.some(({ status }) => status === 'problem')
}
