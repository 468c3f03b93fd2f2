import { parseArgs } from 'node:util'
import { settings } from '../config/settings.ts'
import { errorCode } from '../lib/error-facts.ts'
import { nearestName } from '../lib/nearest-name.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import { version } from '../lib/version.ts'
import { sandboxCommand } from './sandbox.ts'
import { serve } from './serve-stdio.ts'

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
const LONG_OPTIONS = Object.keys(OPTIONS).map((name) => `--${name}`)
/** What an option takes, where it takes something. */
const VALUES: Readonly<Record<string, string>> = { port: 'a number', customer: 'a number', config: 'a file' }

/** What came with a command, checked. */
interface Given {
  /** The word after it. */
  readonly file: string | undefined
  readonly sandbox: boolean
  /** Whether the stand-in answers `GET /customers/{id}`. */
  readonly getById: boolean
  /** 0: a free one. */
  readonly port: number
  readonly json: boolean
  readonly csv: boolean
  readonly config: string | undefined
  readonly customerId: number | undefined
  readonly stdin: boolean
}

interface Command {
  /** The words that name it; none for the server on stdio. */
  readonly name: string
  /** What it takes besides `--help` and `--version`. */
  readonly options: readonly (keyof typeof OPTIONS)[]
  readonly takesFile?: true
  /** The bundle for hosts is without it, or without a part of it. */
  readonly isForTeam?: true
  /** Resolves with the exit code. */
  readonly run: (io: ProcessIo, given: Given) => Promise<number>
}

/** Most load what they need when they run. */
const COMMANDS: readonly Command[] = [
  { name: '', options: ['sandbox', 'no-get'], run: serve },
  {
    name: 'http',
    options: ['sandbox', 'no-get'],
    isForTeam: true,
    run: async (io, given) => (await import('./serve-http.ts')).serveHttp(io, given),
  },
  { name: 'health', options: [], run: async (io) => (await import('./health.ts')).healthCommand(io) },
  {
    name: 'doctor',
    options: ['json', 'customer', 'config', 'sandbox', 'no-get'],
    run: async (io, { config, ...given }) =>
      config === undefined
        ? (await import('../doctor/doctor.ts')).doctorCommand(io, given)
        : (await import('../doctor/host-config-command.ts')).hostConfigCommand(io, { ...given, file: config }),
  },
  {
    name: 'doctor http',
    options: ['json', 'customer', 'stdin'],
    isForTeam: true,
    run: async (io, given) => (await import('../doctor/http-doctor.ts')).httpDoctorCommand(io, given),
  },
  { name: 'sandbox', options: ['port', 'no-get'], run: sandboxCommand },
  {
    name: 'audit verify',
    options: [],
    takesFile: true,
    isForTeam: true,
    run: async (io, given) => (await import('./audit.ts')).verifyCommand(io, given),
  },
  {
    name: 'audit list',
    options: ['csv'],
    takesFile: true,
    isForTeam: true,
    run: async (io, given) => (await import('./audit.ts')).listCommand(io, given),
  },
]

const FIRST_WORDS = COMMANDS.map(({ name }) => name.replace(/ .*/, ''))
const KNOWN =
  'Commands are http, health, doctor, doctor http, sandbox, audit verify and audit list; without one it serves MCP on stdio. See --help.'
const AUDIT_WORDS =
  'audit needs "verify" or "list": audit verify [FILE], audit list [--csv] [FILE]; without a file, the database of AIFI_STORE_URL.'
const NOT_IN_BUNDLE =
  "What a team's server needs (http, doctor http, an audit in AIFI_STORE_URL) comes with the npm package, not with this bundle."

/** Runs the program; resolves with its exit code. */
export async function run(io: ProcessIo): Promise<number> {
  const refuse = (why: string) => {
    io.stderr.write(`aifi-customer-mcp: ${why}\n`)
    return 1
  }
  const read = readCommandLine(io.args)
  if (typeof read === 'string') return refuse(read)
  if ('print' in read) {
    io.stdout.write(read.print)
    return 0
  }
  const { command, given } = read
  try {
    return await command.run(io, given)
  } catch (error) {
    if (!command.isForTeam || errorCode(error) !== 'MODULE_NOT_FOUND') throw error
    return refuse(NOT_IN_BUNDLE)
  }
}

/** The command with what came with it, what is to be printed, or what is wrong with the command line. */
function readCommandLine(args: readonly string[]): { command: Command; given: Given } | { print: string } | string {
  // Not strict: parseArgs would quote what it does not know, and that may be a secret in the wrong place.
  const { values, positionals, tokens } = parseArgs({ args: [...args], strict: false, tokens: true, options: OPTIONS })
  const options = tokens.flatMap((token) => (token.kind === 'option' ? [token] : []))
  const unknown = options.find(({ name }) => !Object.hasOwn(OPTIONS, name))
  if (unknown) return `unknown option${quoted(unknown.rawName, LONG_OPTIONS)}. ${KNOWN}`
  const odd = options.find(({ name, value }) => (value !== undefined) !== Object.hasOwn(VALUES, name))
  if (odd) return `${odd.rawName} takes ${VALUES[odd.name] ?? 'no value'}. ${KNOWN}`
  if (values.help) return { print: helpText() }
  if (values.version) return { print: `${version}\n` }
  const command = readCommand(positionals)
  if (typeof command === 'string') return command
  const stray = options.find(({ name }) => !command.options.some((each) => each === name))
  if (stray) return `${stray.rawName} belongs to ${belongsTo(stray.name)}. ${KNOWN}`
  const given = readGiven(values, positionals.slice(command.name.split(' ').length))
  if (typeof given === 'string') return given
  if (!given.getById && !given.sandbox && command.name !== 'sandbox')
    return `--no-get belongs to ${belongsTo('no-get')}. ${KNOWN}`
  return { command, given }
}

function readCommand(words: readonly string[]): Command | string {
  const [first = '', second] = words
  const named = (name: string) => COMMANDS.find((each) => each.name === name)
  const command = named(`${first} ${second}`) ?? named(first)
  const isAudit = first === 'audit'
  if (!command && !isAudit) return `unknown command${quoted(first, FIRST_WORDS)}. ${KNOWN}`
  const most = command ? command.name.split(' ').length + (command.takesFile ? 1 : 0) : 0
  if (command && words.length <= most) return command
  if (isAudit) return AUDIT_WORDS
  return first === 'doctor'
    ? `doctor takes no second word but http; a host's configuration is --config FILE. ${KNOWN}`
    : `${first} takes no second word. ${KNOWN}`
}

function readGiven(values: Readonly<Record<string, unknown>>, [file]: readonly string[]): Given | string {
  const port = numberIn(values.port, 65_535)
  if (Number.isNaN(port)) return '--port must be a number from 0 to 65535.'
  const customerId = numberIn(values.customer, 1e15 - 1)
  if (Number.isNaN(customerId)) return '--customer must be the number of a customer.'
  const config = typeof values.config === 'string' ? values.config : undefined
  const sandbox = values.sandbox === true
  if (config !== undefined && sandbox)
    return '--config and --sandbox do not go together: an entry says itself what it is started against.'
  const [json, csv, stdin] = [values.json === true, values.csv === true, values.stdin === true]
  return { file, sandbox, getById: values['no-get'] !== true, port: port ?? 0, json, csv, config, customerId, stdin }
}

/** Undefined when it is not given, NaN when it is no whole number up to `most`. */
function numberIn(text: unknown, most: number): number | undefined {
  if (text === undefined) return undefined
  const number = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return number <= most ? number : Number.NaN
}

function belongsTo(option: string): string {
  if (option === 'no-get') return '--sandbox or the command sandbox'
  const owners = COMMANDS.filter(({ name, options }) => name !== '' && options.some((each) => each === option))
  return `the command ${owners.map(({ name }) => name).join(' and ')}`
}

/** A word as somebody may have mistyped it, and the nearest of those that exist; nothing that could be a secret. */
function quoted(word: string, known: readonly string[]): string {
  if (!/^-{0,2}[a-z][a-z-]{0,15}$/.test(word)) return ''
  const near = nearestName(word, known)
  return ` "${word}"${near ? ` (did you mean ${near}?)` : ''}`
}

/** What is allowed stands in docs/settings.md and in every complaint; here only where it is a choice of words. */
const CHOICE = /^[a-z-]+(, [a-z-]+)+$/

function helpText(): string {
  const width = Math.max(...settings.map(({ name }) => name.length))
  const lines = settings.map(({ name, meaning, allowed, default: fallback }) => {
    const choice = CHOICE.test(allowed) ? `: ${allowed}` : ''
    return `  ${name.padEnd(width)}  ${meaning}${choice}${defaultWords(fallback)}`
  })
  return `aifi-customer-mcp ${version}
An MCP server that changes AiFi customer records, with a person's approval for what is sensitive.

Usage
  aifi-customer-mcp                      serve MCP on stdin and stdout (a host starts it)
  aifi-customer-mcp --sandbox            the same against an embedded stand-in for AiFi: no account, no network
  aifi-customer-mcp http                 serves a team: MCP over HTTP, approvers who sign in (docs/operate.md);
                                         with --sandbox on this machine alone, without anything else
  aifi-customer-mcp health               asks a running http whether it is ready; for containers
  aifi-customer-mcp doctor               looks at settings, network, token and record access, and says what is wrong;
                                         --json for scripts, --customer N reads that one, --sandbox without AiFi
                                         --config FILE does that for the entries of a host's configuration
                                         (Claude Desktop, Claude Code, VS Code, Cursor, Codex)
  aifi-customer-mcp doctor http          the same for http: issuer, client, redirect address, database, clock, AiFi;
                                         --stdin reads an access token and an ID token, and says what their claims lack
  aifi-customer-mcp sandbox [--port N]   the stand-in alone; prints its address and credentials as settings
  aifi-customer-mcp audit verify [FILE]  checks an audit trail; without a file, that in the database of AIFI_STORE_URL
  aifi-customer-mcp audit list [FILE]    shows its changes, one a line; --csv for a spreadsheet
  aifi-customer-mcp --help | --version
  With --sandbox or sandbox, --no-get makes the stand-in refuse GET /customers/{id}.

Settings (environment variables)
${lines.join('\n')}
`
}

function defaultWords(fallback: string): string {
  if (fallback === 'none') return ''
  return fallback.endsWith('required') ? ` (${fallback})` : ` (default: ${fallback})`
}
