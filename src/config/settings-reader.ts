import { nearestName } from '../lib/nearest-name.ts'
import { Secret } from '../lib/secret.ts'
import { harmless } from '../lib/text.ts'
import { OWN_NAME } from './setting-name.ts'
import { type Setting, settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads settings out of an environment and collects what is wrong with them. Never throws. */
export class SettingsReader {
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly #environment: Environment
  readonly #readFile: (path: string) => Uint8Array

  constructor(environment: Environment, readFile: (path: string) => Uint8Array) {
    this.#environment = environment
    this.#readFile = readFile
  }

  /** The text of a variable. Empty, or a `${user_config.x}` that a bundle host left in place, counts as unset. */
  text(name: string): string | undefined {
    const text = this.#environment[name]
    return text === undefined || /^(\$\{user_config\.[^}]*\})?$/.test(text.trim()) ? undefined : text
  }

  isSet(setting: Setting): boolean {
    return this.text(setting.name) !== undefined
  }

  /** The value, or `undefined` when the setting is not set or wrong; what is wrong becomes a problem. */
  optional<Value>(setting: Setting<Value>): Value | undefined {
    const text = this.text(setting.name)
    return text === undefined ? undefined : this.#parse(setting, setting.name, text.trim())
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
    const known = new Map(settings.map(({ name }) => [bare(name), name]))
    for (const name of Object.keys(this.#environment)) {
      if (!OWN_NAME.test(name) || this.text(name) === undefined) continue
      if (settings.some((setting) => setting.name === name)) continue
      const near = nearestName(bare(name), [...known.keys()])
      const shown = harmless(name, 60)
      if (near === undefined) this.warnings.push(`${shown} is not a setting of this server and has no effect.`)
      else this.problems.push(`${shown} is not a setting of this server; did you mean ${known.get(near)}?`)
    }
  }

  #parse<Value>(setting: Setting<Value>, subject: string, text: string): Value | undefined {
    if (/^\$\{[^}]*\}$/.test(text)) {
      this.problems.push(`${subject} is a placeholder that was never filled in; allowed: ${setting.allowed}.`)
      return undefined
    }
    const result = setting.schema.safeParse(text)
    if (result.success) return result.data
    const faults = [...new Set(result.error.issues.map((issue) => issue.message))].join(' and ')
    this.problems.push(`${subject} ${faults}; allowed: ${setting.allowed}.`)
    return undefined
  }

  #fileText(name: string, path: string): string | undefined {
    // Neither the path nor the system's message is repeated: the path may be the secret itself, put in the wrong place.
    try {
      const text = decodeText(this.#readFile(path)).replace(/[\r\n]+$/, '')
      if (text !== '') return text
      this.problems.push(`${name} names an empty file; allowed: a file that holds the secret and nothing else.`)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const reason = /^E[A-Z]+$/.test(code)
        ? `that cannot be read (${code})`
        : 'that cannot be read as text in UTF-8 or UTF-16'
      this.problems.push(`${name} names a file ${reason}; allowed: a file that holds the secret and nothing else.`)
    }
    return undefined
  }
}

/** UTF-8, or what the byte order mark says; without the mark. Throws when the bytes are no such text. */
function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}
