import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { wrapped } from './json-lines.mjs'

const { stdin, stdout } = process

/** Somebody sits here who can read and answer. */
export const isInteractive = stdin.isTTY === true && stdout.isTTY === true
const hasColors = stdout.isTTY === true && stdout.hasColors()
/** Columns that are written to; one stays free, since some terminals wrap a full line. */
export const WIDTH = Math.max(40, Math.min(stdout.isTTY ? stdout.columns || 80 : 80, 90) - 1)

/** Everything is set in by this much under its heading. */
export const INDENT = '  '

/** @param {Parameters<typeof styleText>[0]} format @param {string} text */
export function styled(format, text) {
  // Whether there are colours is decided above, for stdout; Node would look at NO_COLOR and the stream by itself only in some versions.
  return hasColors ? styleText(format, text, { validateStream: false }) : text
}

export function line(text = '') {
  stdout.write(`${text}\n`)
}

/** @param {string} text @param {Parameters<typeof styleText>[0]} [format] */
export function paragraph(text, format) {
  for (const each of wrapped(text, WIDTH - INDENT.length)) line(INDENT + (format ? styled(format, each) : each))
}

/** @param {string} number @param {string} title */
export function heading(number, title) {
  const rule = '─'.repeat(Math.max(2, WIDTH - number.length - title.length - 4))
  line()
  line(`${styled(['bold', 'inverse'], ` ${number} `)} ${styled('bold', title)} ${styled('dim', rule)}`)
}

/** @param {string} title @param {string} text */
export function box(title, text) {
  const inner = WIDTH - INDENT.length - 4
  const edge = (/** @type {string} */ each) => styled('yellow', each)
  line(`${INDENT}${edge(`╭─ ${title} ${'─'.repeat(inner - title.length - 1)}╮`)}`)
  for (const each of text.split('\n').flatMap((part) => wrapped(part, inner))) {
    line(`${INDENT}${edge('│')} ${styled('bold', each.padEnd(inner))} ${edge('│')}`)
  }
  line(`${INDENT}${edge(`╰${'─'.repeat(inner + 2)}╯`)}`)
}

/**
 * A table with a heading row. Rows that `mark` picks stand out.
 * @param {string[][]} rows
 * @param {(row: string[]) => boolean} mark
 */
export function table(rows, mark) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const [index, row] of rows.entries()) {
    const text = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')
    if (index === 0) line(`${INDENT}  ${styled('dim', text.trimEnd())}`)
    else if (mark(row)) line(`${INDENT}${styled(['bold', 'green'], `* ${text.trimEnd()}`)}`)
    else line(`${INDENT}  ${text.trimEnd()}`)
  }
}

/** Waits for Enter, so that nobody has to scroll back; goes straight on when nobody sits here. */
export async function pause() {
  if (!isInteractive) return
  line()
  const typed = await readLine(styled('dim', `${INDENT}Enter goes on, Ctrl-C leaves `))
  // Takes the hint away again. The end of the input (Ctrl-D) has left the cursor on its line.
  stdout.write(typed === undefined ? '\r\x1b[2K\x1b[1A' : '\x1b[1A\x1b[2K\x1b[1A')
}

/**
 * Asks until the answer is a yes or a no: Enter alone is neither. The end of the input (Ctrl-D) is no answer: undefined.
 * @param {string} question
 * @returns {Promise<boolean | undefined>}
 */
export async function askYesOrNo(question) {
  await swallowTypedAhead()
  for (;;) {
    const typed = await readLine(`${INDENT}${styled(['bold', 'yellow'], question)} [y/n] `)
    if (typed === undefined) {
      line()
      return undefined
    }
    const answer = typed.trim().toLowerCase()
    if (['y', 'yes'].includes(answer)) return true
    if (['n', 'no'].includes(answer)) return false
    paragraph('Please type y or n, then Enter.', 'yellow')
  }
}

/** What was typed before the question could be read is no answer to it. */
async function swallowTypedAhead() {
  const ignore = () => {}
  stdin.on('data', ignore)
  await sleep(100)
  stdin.off('data', ignore)
  stdin.pause()
}

/** @param {string} prompt @returns {Promise<string | undefined>} */
async function readLine(prompt) {
  const reader = createInterface({ input: stdin, output: stdout })
  // While a line is edited Ctrl-C is a key and no signal.
  reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new Promise((resolve) => reader.once('close', () => resolve(undefined)))
  try {
    return await Promise.race([reader.question(prompt), ended])
  } finally {
    reader.close()
  }
}
