import { type Check, type CheckName, titles } from './check.ts'
import type { SettingRow } from './settings-table.ts'

export interface Style {
  readonly colour: boolean
  /** Where lines are broken; undefined: nowhere, each thing has one line. */
  readonly columns: number | undefined
}

const SIGNS = {
  ok: { sign: '✓', word: 'ok', colour: 32 },
  warning: { sign: '!', word: 'warning', colour: 33 },
  problem: { sign: '✗', word: 'problem', colour: 31 },
  skipped: { sign: '–', word: 'skipped', colour: 2 },
} as const

const TITLE_WIDTH = Math.max(...Object.values(titles).map((title) => title.length))
/** A terminal narrower than this is not catered for. */
const LEAST_COLUMNS = 40

/** What people read: one line each, and the remedy on the next. With colour there are signs, without there are words. */
export class Report {
  readonly #style: Style
  readonly #indent: number

  constructor(style: Style) {
    this.#style = style
    const marker = style.colour ? 1 : Math.max(...Object.values(SIGNS).map(({ word }) => word.length))
    this.#indent = marker + TITLE_WIDTH + 3
  }

  check({ name, ...finding }: Check): string {
    const { sign, word, colour } = SIGNS[finding.status]
    const marker = this.#style.colour ? sign : word.padEnd(this.#indent - TITLE_WIDTH - 3)
    const prefix = `${this.#paint(colour, marker)} ${this.#paint(1, titles[name].padEnd(TITLE_WIDTH))}  `
    const lines = finding.found.split('\n').flatMap((each) => this.#wrap(each))
    const shown = finding.status === 'skipped' ? lines.map((line) => this.#paint(2, line)) : lines
    const remedy = 'remedy' in finding ? this.#wrap(finding.remedy, this.#style.colour ? '→ ' : 'do: ') : []
    return `${prefix}${[...shown, ...remedy].join(`\n${' '.repeat(this.#indent)}`)}\n`
  }

  /** The settings that somebody has set, and then what holds for the others. */
  settings(rows: readonly SettingRow[]): string {
    const set = rows.filter(({ from }) => from !== 'default' && from !== 'sandbox')
    const width = Math.max(0, ...set.map(({ name }) => name.length))
    const lines = set.flatMap(({ name, value, from }) => this.#wrap(`${value} (${from})`, `${name.padEnd(width)}  `))
    const replaced = rows.some(({ from }) => from === 'sandbox')
    // What is missing is among the problems, and where tokens come from is said where one is fetched.
    const rest = rows.filter(
      ({ from, value }) => from === 'default' && !/^(none|required|one way in)|:\/\//.test(value),
    )
    const others = `by default: ${rest.map(({ name, value }) => `${name} ${value}`).join(', ')}`
    const notes = [...(replaced ? ['address and credentials: those of the stand-in'] : []), others]
    const all = [...lines, ...notes.flatMap((note) => this.#wrap(note))]
    return all.map((line) => `${' '.repeat(this.#indent)}${this.#paint(2, line)}\n`).join('')
  }

  summary(checks: readonly Check[]): string {
    const count = (status: Check['status'], word: string) => {
      const number = checks.filter((check) => check.status === status).length
      return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`]
    }
    const counts = [...count('problem', 'problem'), ...count('warning', 'warning')].join(' and ')
    const hasProblem = checks.some(({ status }) => status === 'problem')
    const words = hasProblem
      ? `${counts}. Begin with the first.`
      : counts
        ? `It works, with ${counts}.`
        : 'Everything is in order.'
    return `\n${this.#paint(1, words)}\nThis only read: nothing was changed at AiFi.\n`
  }

  /** Shown while a check is under way, and wiped out by {@link wipe}. Only for a terminal. */
  underWay(name: CheckName): string {
    return this.#style.colour ? this.#paint(2, `· ${titles[name]} …`) : ''
  }

  wipe(): string {
    return this.#style.colour ? '\r\u001b[K' : ''
  }

  #paint(code: number, text: string): string {
    return this.#style.colour ? `\u001b[${code}m${text}\u001b[0m` : text
  }

  /** `first` begins the first line, and the others are indented by as much. */
  #wrap(text: string, first = ''): string[] {
    const { columns } = this.#style
    if (columns === undefined) return [first + text]
    const width = Math.max(columns, LEAST_COLUMNS) - this.#indent - first.length
    const lines: string[] = []
    let line = ''
    for (const word of text.split(/(?<= )(?=\S)/)) {
      if (line !== '' && (line + word).trimEnd().length > width) {
        lines.push(line.trimEnd())
        line = ''
      }
      line += word
    }
    return [...lines, line].map((each, index) => (index === 0 ? first : ' '.repeat(first.length)) + each)
  }
}
