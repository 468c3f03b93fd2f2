import { parseArgs } from 'node:util'
import { errorCode } from '../lib/error-facts.ts'
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
  | { name: 'doctor_http'; json: boolean; stdin: boolean; customerId: number | undefined }
  | { name: 'doctor_config'; file: string; json: boolean; customerId: number | undefined }
  | { name: 'audit_verify'; file: string | undefined }
  | { name: 'audit_list'; file: string | undefined; csv: boolean }
  | { name: 'help' }
  | { name: 'version' }

const OPTIONS = {
  sandbox: { type: 'boolean' },
  'no-get': { type: 'boolean' },
  port: { type: 'string' },
  json: { type: 'boolean' },
  csv: { type: 'boolean' },
  config: { type: 'string' },
  customer: { type: 'string' },
  stdin: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** What an option takes, where it takes something. */
const VALUES: Readonly<Record<string, string>> = { port: 'a number', customer: 'a number', config: 'a file' }
/** The commands that an option belongs to, where it does not belong to all. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  sandbox: ['serve', 'http', 'doctor'],
  'no-get': ['serve', 'http', 'doctor', 'sandbox'],
  port: ['sandbox'],
  json: ['doctor', 'doctor http'],
  customer: ['doctor', 'doctor http'],
  stdin: ['doctor http'],
  config: ['doctor'],
  csv: ['audit list'],
}
const LONG_OPTIONS = Object.keys(OPTIONS).map((name) => `--${name}`)
const COMMANDS =
  'Commands are http, health, doctor, doctor http, sandbox, audit verify and audit list; without one it serves MCP on stdio. See --help.'

/** What the bundle for hosts is without, or in part. */
const OF_A_TEAM: readonly Command['name'][] = ['http', 'doctor_http', 'audit_verify', 'audit_list']
const NOT_IN_BUNDLE =
  "What a team's server needs (http, doctor http, an audit in AIFI_STORE_URL) comes with the npm package, not with this bundle."

/** Runs the program; resolves with its exit code. */
export async function run(io: ProcessIo): Promise<number> {
  const command = readCommand(io.args)
  if (typeof command === 'string') {
    io.stderr.write(`aifi-customer-mcp: ${command}\n`)
    return 1
  }
  try {
    return await carryOut(io, command)
  } catch (error) {
    if (!OF_A_TEAM.includes(command.name) || errorCode(error) !== 'MODULE_NOT_FOUND') throw error
    io.stderr.write(`aifi-customer-mcp: ${NOT_IN_BUNDLE}\n`)
    return 1
  }
}

async function carryOut(io: ProcessIo, command: Command): Promise<number> {
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
    case 'doctor_http': {
      const { httpDoctorCommand } = await import('../doctor/http-doctor.ts')
      return httpDoctorCommand(io, command)
    }
    case 'doctor_config': {
      const { hostConfigCommand } = await import('../doctor/host-config-command.ts')
      return hostConfigCommand(io, command)
    }
    case 'audit_verify': {
      const { verifyCommand } = await import('./audit.ts')
      return verifyCommand(io, command)
    }
    case 'audit_list': {
      const { listCommand } = await import('./audit.ts')
      return listCommand(io, command)
    }
    case 'help':
      io.stdout.write(helpText())
      return 0
    case 'version':
      io.stdout.write(`${version}\n`)
      return 0
  }
}

/** The command, or what is wrong with the command line. */
function readCommand(args: readonly string[]): Command | string {
  // Not strict: parseArgs would quote what it does not know, and that may be a secret in the wrong place.
  const { values, positionals, tokens } = parseArgs({ args: [...args], strict: false, tokens: true, options: OPTIONS })
  const given = tokens.flatMap((token) => (token.kind === 'option' ? [token] : []))
  const unknown = given.find(({ name }) => !Object.hasOwn(OPTIONS, name))
  if (unknown) return `unknown option${quoted(unknown.rawName, LONG_OPTIONS)}. ${COMMANDS}`
  const odd = given.find(({ name, value }) => (value !== undefined) !== Object.hasOwn(VALUES, name))
  if (odd) return `${odd.rawName} takes ${VALUES[odd.name] ?? 'no value'}. ${COMMANDS}`
  if (values.help) return { name: 'help' }
  if (values.version) return { name: 'version' }
  const [first = 'serve', ...words] = positionals
  const command = first === 'audit' || words[0] === 'http' ? `${first} ${words[0]}` : first
  const stray = given.find(({ name }) => OWNERS[name]?.includes(command) === false)
  if (stray) return `${stray.rawName} belongs to ${belongsTo(stray.name)}. ${COMMANDS}`
  const getById = values['no-get'] !== true
  const sandbox = values.sandbox === true
  if (!getById && !sandbox && command !== 'sandbox') return `--no-get belongs to ${belongsTo('no-get')}. ${COMMANDS}`
  if (positionals.length === 0) return { name: 'serve', sandbox, getById }
  if (first === 'audit') return readAuditCommand(words, values.csv === true)
  if (first === 'sandbox' && words.length === 0) {
    const port = readPort(values.port)
    return typeof port === 'number' ? { name: 'sandbox', port, getById } : port
  }
  if (first === 'http' && words.length === 0) return { name: 'http', sandbox, getById }
  if (first === 'health' && words.length === 0) return { name: 'health' }
  const known = ['http', 'health', 'doctor', 'sandbox', 'audit']
  if (first !== 'doctor') return `unknown command${quoted(first, known)}. ${COMMANDS}`
  const customerId = readCustomerId(values.customer)
  if (typeof customerId === 'string') return customerId
  return readDoctorCommand(words, { ...values, customerId })
}

interface DoctorValues {
  readonly json?: string | boolean | undefined
  readonly stdin?: string | boolean | undefined
  readonly sandbox?: string | boolean | undefined
  readonly 'no-get'?: string | boolean | undefined
  readonly config?: string | boolean | undefined
  readonly customerId: number | undefined
}

function readDoctorCommand(
  words: readonly string[],
  { customerId, config: file, ...values }: DoctorValues,
): Command | string {
  const json = values.json === true
  const sandbox = values.sandbox === true
  if (words.length === 1 && words[0] === 'http')
    return { name: 'doctor_http', json, stdin: values.stdin === true, customerId }
  if (words.length > 0)
    return `doctor takes no second word but http; a host's configuration is --config FILE. ${COMMANDS}`
  if (typeof file !== 'string') return { name: 'doctor', json, sandbox, getById: values['no-get'] !== true, customerId }
  if (sandbox) return '--config and --sandbox do not go together: an entry says itself what it is started against.'
  return { name: 'doctor_config', file, json, customerId }
}

function readAuditCommand([action, file, ...more]: readonly string[], csv: boolean): Command | string {
  if (/^postgres(ql)?:/i.test(file ?? ''))
    return 'the address of a database goes into AIFI_STORE_URL, where no other user of this machine can read it.'
  if (action === 'verify' && more.length === 0) return { name: 'audit_verify', file }
  if (action === 'list' && more.length === 0) return { name: 'audit_list', file, csv }
  return 'audit needs "verify" or "list": audit verify [FILE], audit list [--csv] [FILE]; without a file, the database of AIFI_STORE_URL.'
}

function belongsTo(option: string): string {
  const owners = OWNERS[option] ?? []
  const commands = owners.filter((owner) => owner !== 'serve').join(' and ')
  return option === 'no-get' ? '--sandbox or the command sandbox' : `the command ${commands}`
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
