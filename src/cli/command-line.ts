import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatAuditReport, verifyAudit } from '../audit/verify.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { version } from '../lib/version.ts'
import { helpText } from './help.ts'
import type { ProcessIo } from './process-io.ts'
import { sandboxCommand } from './sandbox.ts'
import { serve } from './serve-stdio.ts'

/** What the command line asks for. */
type Command =
  | { name: 'serve'; sandbox: boolean; getById: boolean }
  | { name: 'http'; sandbox: boolean; getById: boolean }
  | { name: 'health' }
  | { name: 'sandbox'; port: number; getById: boolean }
  | { name: 'doctor'; json: boolean; sandbox: boolean; getById: boolean; customerId: number | undefined }
  | { name: 'audit_verify'; file: string }
  | { name: 'help' }
  | { name: 'version' }

const OPTIONS = {
  sandbox: { type: 'boolean' },
  'no-get': { type: 'boolean' },
  port: { type: 'string' },
  json: { type: 'boolean' },
  customer: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

const LONG_OPTIONS = Object.keys(OPTIONS).map((name) => `--${name}`)
const COMMANDS =
  'Commands are http, health, doctor, sandbox and audit verify FILE; without one it serves MCP on stdio. See --help.'

/** Runs the program; resolves with its exit code. */
export async function run(io: ProcessIo): Promise<number> {
  const command = readCommand(io.args)
  if (typeof command === 'string') {
    io.stderr.write(`aifi-customer-mcp: ${command}\n`)
    return 1
  }
  switch (command.name) {
    case 'serve':
      return serve(io, command)
    case 'http': {
      const { serveHttp } = await import('./serve-http.ts')
      return serveHttp(io, command)
    }
    case 'health': {
      const { healthCommand } = await import('./health.ts')
      return healthCommand(io)
    }
    case 'sandbox':
      return sandboxCommand(io, command)
    case 'doctor': {
      const { doctorCommand } = await import('../doctor/doctor.ts')
      return doctorCommand(io, command)
    }
    case 'audit_verify':
      return verify(io, command.file)
    case 'help':
      io.stdout.write(helpText())
      return 0
    case 'version':
      io.stdout.write(`${version}\n`)
      return 0
  }
}

/** `audit verify FILE`: exit code 1 when something is wrong with the file, or it cannot be read. */
function verify({ stdout, stderr }: ProcessIo, file: string): number {
  let content: Uint8Array
  try {
    content = readFileSync(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    stderr.write(`aifi-customer-mcp: the audit file cannot be read (${code}).\n`)
    return 1
  }
  const report = verifyAudit(content)
  stdout.write(formatAuditReport(report))
  return report.problems.length > 0 ? 1 : 0
}

/** The command, or what is wrong with the command line. */
function readCommand(args: readonly string[]): Command | string {
  // Not strict: parseArgs would quote what it does not know, and that may be a secret in the wrong place.
  const { values, positionals, tokens } = parseArgs({ args: [...args], strict: false, tokens: true, options: OPTIONS })
  const given = tokens.flatMap((token) => (token.kind === 'option' ? [token] : []))
  const unknown = given.find(({ name }) => !Object.hasOwn(OPTIONS, name))
  if (unknown) return `unknown option${quoted(unknown.rawName, LONG_OPTIONS)}. ${COMMANDS}`
  const takesNumber = (name: string) => name === 'port' || name === 'customer'
  const odd = given.find(({ name, value }) => (value !== undefined) !== takesNumber(name))
  if (odd) return `${odd.rawName} takes ${takesNumber(odd.name) ? 'a number' : 'no value'}. ${COMMANDS}`
  if (values.help) return { name: 'help' }
  if (values.version) return { name: 'version' }
  const [first, second, file, ...more] = positionals
  const getById = values['no-get'] !== true
  const doctors = given.find(({ name }) => name === 'json' || name === 'customer')
  if (doctors && first !== 'doctor') return `${doctors.rawName} belongs to the command doctor. ${COMMANDS}`
  if (first === undefined) {
    if (values.port !== undefined) return `--port belongs to the command sandbox. ${COMMANDS}`
    if (!getById && !values.sandbox) return `--no-get belongs to --sandbox or the command sandbox. ${COMMANDS}`
    return { name: 'serve', sandbox: values.sandbox === true, getById }
  }
  if (first === 'http' && second === undefined) {
    if (values.port !== undefined) return `--port belongs to the command sandbox; http has AIFI_LISTEN. ${COMMANDS}`
    if (!getById && !values.sandbox) return `--no-get belongs to --sandbox or the command sandbox. ${COMMANDS}`
    return { name: 'http', sandbox: values.sandbox === true, getById }
  }
  if (first === 'health' && second === undefined) return { name: 'health' }
  if (first === 'sandbox' && second === undefined) {
    const port = readPort(values.port)
    return typeof port === 'number' ? { name: 'sandbox', port, getById } : port
  }
  if (first === 'doctor' && second === undefined) {
    if (values.port !== undefined) return `--port belongs to the command sandbox. ${COMMANDS}`
    if (!getById && !values.sandbox) return `--no-get belongs to --sandbox or the command sandbox. ${COMMANDS}`
    const customerId = readCustomerId(values.customer)
    if (typeof customerId === 'string') return customerId
    return { name: 'doctor', json: values.json === true, sandbox: values.sandbox === true, getById, customerId }
  }
  if (first === 'audit' && second === 'verify' && file !== undefined && more.length === 0) {
    return { name: 'audit_verify', file }
  }
  if (first === 'doctor') return `doctor takes no file and no second word. ${COMMANDS}`
  if (first === 'audit') return 'audit needs "verify" and one file: audit verify FILE.'
  return `unknown command${quoted(first, ['http', 'health', 'doctor', 'sandbox', 'audit'])}. ${COMMANDS}`
}

/** A word as somebody may have mistyped it, and the nearest of those that exist; nothing that could be a secret. */
function quoted(word: string, known: readonly string[]): string {
  if (!/^-{0,2}[a-z][a-z-]{0,15}$/.test(word)) return ''
  const near = nearestName(word, known)
  return ` "${word}"${near ? ` (did you mean ${near}?)` : ''}`
}

function readPort(text: string | boolean | undefined): number | string {
  if (text === undefined) return 0
  const port = typeof text === 'string' && /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port >= 0 && port <= 65_535 ? port : '--port must be a number from 0 to 65535.'
}

function readCustomerId(text: string | boolean | undefined): number | undefined | string {
  if (text === undefined) return undefined
  const isNumber = typeof text === 'string' && /^\d{1,15}$/.test(text)
  return isNumber ? Number(text) : '--customer must be the number of a customer.'
}
