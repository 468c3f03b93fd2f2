import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { type Setting, setting, settings } from '../config/settings.ts'
import type { Environment } from '../config/settings-reader.ts'
import { customerFields } from '../customer/fields.ts'
import { harmless } from '../lib/text.ts'
import { isSet, type Situation } from './situation.ts'

/** One setting: what holds, as far as it may be shown, and where that comes from. */
export interface SettingRow {
  readonly name: string
  readonly from: 'environment' | 'file' | 'default' | 'sandbox'
  readonly value: string
}

/** Whatever is in them: a value, a part of one, and its length tell somebody who looks over a shoulder too much. */
const SECRET: readonly Setting[] = [
  setting.token,
  setting.clientSecret,
  setting.tokenParams,
  // No secret, but the two are easily swapped.
  setting.clientId,
]
const REPLACED_BY_SANDBOX: readonly Setting[] = [
  ...SECRET,
  setting.baseUrl,
  setting.tokenFile,
  setting.clientSecretFile,
  setting.tokenUrl,
]
const IN_FILES: readonly (readonly [file: Setting, content: Setting])[] = [
  [setting.tokenFile, setting.token],
  [setting.clientSecretFile, setting.clientSecret],
]
const NOT_SHOWN = 'set, not shown'

export function settingRows(situation: Situation, sandbox: boolean): SettingRow[] {
  return settings.map((each): SettingRow => {
    const { name } = each
    const file = IN_FILES.find(([, content]) => content === each)?.[0]
    if (sandbox && REPLACED_BY_SANDBOX.includes(each)) return { name, from: 'sandbox', value: 'that of the stand-in' }
    if (isSet(situation.env, name)) return { name, from: 'environment', value: shown(each, situation) }
    if (file && isSet(situation.env, file.name)) return { name, from: 'file', value: NOT_SHOWN }
    return { name, from: 'default', value: each.default }
  })
}

/** A value that is what it should be; anything else may be a secret that ended up in the wrong place. */
function shown(each: Setting, situation: Situation): string {
  const text = situation.env[each.name]?.trim() ?? ''
  if (SECRET.includes(each)) return NOT_SHOWN
  if (!each.schema.safeParse(text).success) return 'set, but wrong'
  return mayBeShown(each, text, situation) ? harmless(withoutQuery(each, text), 200) : NOT_SHOWN
}

function mayBeShown(each: Setting, text: string, { env, readFile }: Situation): boolean {
  if (each === setting.tokenFile || each === setting.clientSecretFile) return succeeds(() => readFile(text))
  if (each === setting.auditLog) return isAbsolute(text)
  if (each === setting.browser) return programPath(text, env) !== undefined
  if (each === setting.approvalFields) {
    const known: readonly string[] = ['all', ...customerFields]
    return text.split(/[\s,]+/).every((name) => name === '' || known.includes(name))
  }
  return true
}

function withoutQuery(each: Setting, text: string): string {
  return each === setting.tokenUrl ? new URL(text).origin + new URL(text).pathname : text
}

/** Where the program is that `spawn` would start; undefined when there is none. */
export function programPath(command: string, env: Environment): string | undefined {
  const isPath = command.includes('/') || command.includes('\\')
  const folders = isPath ? [''] : (env.PATH ?? env.Path ?? '').split(delimiter)
  const endings = ['', ...(env.PATHEXT ?? '').split(';').filter(Boolean)]
  return folders
    .flatMap((folder) => endings.map((ending) => (folder ? join(folder, command) : command) + ending))
    .find((path) => succeeds(() => accessSync(path, constants.X_OK)) && statSync(path).isFile())
}

function succeeds(action: () => unknown): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}
