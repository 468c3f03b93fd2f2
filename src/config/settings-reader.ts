import { readFileSync, statSync } from 'node:fs'
import { errorCode } from '../lib/error-facts.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { type Environment, OWN_NAME } from '../lib/process-io.ts'
import { Secret } from '../lib/secret.ts'
import { harmless } from '../lib/text.ts'
import { httpSettings, type Setting, settings } from './settings.ts'

/** What hosts put in place of a value that they were not given: `${input:token}`, `{{token}}`. */
const PLACEHOLDER = /\$\{[^}]*\}|\{\{[^}]*\}\}/
/** `$TOKEN`, `%TOKEN%`, `$HOME/token`: what a shell would have filled in, and a host does not. */
const VARIABLE = /^(\$[a-z_]\w*|%[a-z_]\w*%)([/\\].*)?$/i
const QUOTED = /^(["']).*\1$/

/** Reads settings out of an environment and collects what is wrong with them. Never throws. */
export class SettingsReader {
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly #environment: Environment
  readonly #readFile: (path: string) => Uint8Array
  readonly #othersCanRead: (path: string) => boolean

  /**
   * @param readFile content of a secret file; may throw
   * @param othersCanRead whether other users of this machine can read that file
   */
  constructor(
    environment: Environment,
    readFile: (path: string) => Uint8Array = (path) => readFileSync(path),
    othersCanRead: (path: string) => boolean = () => false,
  ) {
    this.#environment = environment
    this.#readFile = readFile
    this.#othersCanRead = othersCanRead
  }

  /** The text of a variable. Empty, or a `${user_config.x}` that a bundle host left in place, counts as unset. */
  text(name: string): string | undefined {
    const text = this.#environment[name]
    return text === undefined || /^(\$\{user_config\.[^}]*\})?$/.test(text.trim()) ? undefined : text
  }

  /** True when at least one of them is set. */
  isSet(...settings: readonly Setting[]): boolean {
    return settings.some(({ name }) => this.text(name) !== undefined)
  }

  /** What it is set to, right or wrong, without blanks around it; a path with the folder that `~` stands for. */
  given({ name, format }: Setting): string | undefined {
    const text = this.text(name)?.trim()
    const home = this.#environment.HOME || this.#environment.USERPROFILE
    return format === 'filepath' && home !== undefined ? text?.replace(/^~(?=[/\\])/, () => home) : text
  }

  /** The value, or `undefined` when the setting is not set or wrong; what is wrong becomes a problem. */
  optional<Value>(setting: Setting<Value>): Value | undefined {
    const text = this.given(setting)
    return text === undefined ? undefined : this.#parse(setting, setting.name, text)
  }

  /** The value, or that of the setting's default. Only for settings whose default is a value. */
  value<Value>(setting: Setting<Value>): Value {
    return this.optional(setting) ?? setting.schema.parse(setting.default)
  }

  /** A secret from its variable or from the file that the other variable names. */
  secret(direct: Setting<string>, file: Setting<string>): Secret | undefined {
    if (this.isSet(direct) && this.isSet(file)) {
      this.problems.push(`${direct.name} and ${file.name} are both set; set one of them.`)
    }
    const path = this.optional(file)
    const content = path === undefined ? undefined : this.#fileText(file.name, path)
    if (content !== undefined) this.#parse(direct, `The file that ${file.name} names`, content)
    const text = this.text(direct.name)
    if (text !== undefined) this.#parse(direct, direct.name, text)
    const secret = text ?? content
    return secret === undefined ? undefined : new Secret(secret)
  }

  /** Unknown `AIFI_…` variables: a problem when near a real name, for then it was surely meant; else a warning. */
  checkNames(): void {
    const bare = (name: string) => name.replace(OWN_NAME, '')
    const all = [...settings, ...httpSettings]
    const known = new Map(all.map(({ name }) => [bare(name), name]))
    for (const name of Object.keys(this.#environment)) {
      if (!OWN_NAME.test(name) || this.text(name) === undefined) continue
      if (all.some((setting) => setting.name === name)) continue
      const near = nearestName(bare(name), [...known.keys()])
      const shown = harmless(name, 60)
      if (near === undefined) this.warnings.push(`${shown} is not a setting of this server and has no effect.`)
      else this.problems.push(`${shown} is not a setting of this server; did you mean ${known.get(near)}?`)
    }
  }

  #parse<Value>(setting: Setting<Value>, subject: string, text: string): Value | undefined {
    const [placeholder] = PLACEHOLDER.exec(text) ?? []
    // A secret may hold anything, so only one that is nothing else is taken for a placeholder.
    const isAll = placeholder === text.trim()
    if (placeholder !== undefined && (isAll || !setting.secret)) {
      this.problems.push(
        `${subject} ${isAll ? 'is' : 'holds'} a placeholder that was never filled in; allowed: ${setting.allowed}.`,
      )
      return undefined
    }
    const result = setting.schema.safeParse(text)
    if (result.success) {
      this.#checkLooks(subject, text)
      return result.data
    }
    const faults = [...new Set(result.error.issues.map((issue) => issue.message))].join(' and ')
    if (setting.name.startsWith('AIFI_')) this.problems.push(`${subject} ${faults}; allowed: ${setting.allowed}.`)
    // A name that other programs read as well: what is wrong may be right for one of them.
    else
      this.warnings.push(`${subject} ${faults} and is ignored (${setting.default} holds); allowed: ${setting.allowed}.`)
    return undefined
  }

  /** Warns of text that may be meant as it is, but probably is not. */
  #checkLooks(subject: string, text: string): void {
    if (VARIABLE.test(text)) this.warnings.push(`${subject} looks like a variable that was not filled in.`)
    if (QUOTED.test(text)) this.warnings.push(`${subject} has quotes around it, which count as part of it.`)
  }

  #fileText(name: string, path: string): string | undefined {
    // Neither the path nor the system's message is repeated: the path may be the secret itself, put in the wrong place.
    try {
      const text = decodeText(this.#readFile(path)).replace(/[\r\n]+$/, '')
      if (text === '') {
        this.problems.push(`${name} names an empty file; allowed: a file that holds the secret and nothing else.`)
        return undefined
      }
      if (this.#othersCanRead(path)) {
        this.warnings.push(`${name} names a file that others can read too; make it readable by you alone (chmod 600).`)
      }
      return text
    } catch (error) {
      const code = errorCode(error) ?? ''
      const reason = /^E[A-Z]+$/.test(code)
        ? `that cannot be read (${code})`
        : 'that cannot be read as text in UTF-8 or UTF-16'
      this.problems.push(`${name} names a file ${reason}; allowed: a file that holds the secret and nothing else.`)
      return undefined
    }
  }
}

/** Whether the permissions let other users of this machine read the file; those of Windows do not show in its mode. */
export function othersCanRead(path: string, platform: NodeJS.Platform): boolean {
  if (platform === 'win32') return false
  const file = statSync(path)
  return file.isFile() && (file.mode & 0o044) !== 0
}

/** UTF-8, or what the byte order mark says; without the mark. Throws when the bytes are no such text. */
function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}
