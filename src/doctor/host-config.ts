import { basename, dirname } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'

/** A host whose configuration is read, as far as it matters here; from its documentation. */
export interface Host {
  readonly title: string
  /** Where its servers stand. */
  readonly key: string
  /** A server gets the whole environment that the host has, not only a few variables. */
  readonly passesEnvironment: boolean
  /** How it writes what it fills in. */
  readonly variables: 'shell' | 'editor' | 'none'
  /** Comments and trailing commas are as good as none. */
  readonly comments: boolean
}

const HOSTS = {
  desktop: { title: 'Claude Desktop', key: 'mcpServers', passesEnvironment: false, variables: 'none', comments: false },
  code: { title: 'Claude Code', key: 'mcpServers', passesEnvironment: true, variables: 'shell', comments: false },
  vscode: { title: 'VS Code', key: 'servers', passesEnvironment: true, variables: 'editor', comments: true },
  cursor: { title: 'Cursor', key: 'mcpServers', passesEnvironment: true, variables: 'editor', comments: true },
  codex: { title: 'Codex', key: 'mcp_servers', passesEnvironment: false, variables: 'none', comments: true },
  other: { title: 'this host', key: 'mcpServers', passesEnvironment: false, variables: 'none', comments: true },
} satisfies Record<string, Host>

/** One server in a configuration; its members are as they stand there. */
export interface HostEntry {
  readonly name: string
  /** `mcpServers`, or with the project that it is for. */
  readonly place: string
  readonly members: JsonObject
}

export interface HostConfig {
  readonly host: Host
  readonly entries: readonly HostEntry[]
  /** Inputs that the file declares, by id. */
  readonly inputs: readonly string[]
}

/** What is wrong with a configuration, as a sentence without the full stop, and without anything that stands in it. */
export class HostConfigError extends Error {
  override readonly name = 'HostConfigError'
}

/** The servers of a host's configuration. Throws {@link HostConfigError}. */
export function readHostConfig(path: string, text: string): HostConfig {
  const isToml = path.toLowerCase().endsWith('.toml')
  const bare = text.replace(/^\ufeff/, '')
  const content = isToml ? tomlOf(bare) : jsonOf(bare)
  const host = isToml ? HOSTS.codex : hostOf(path, content.value)
  if (content.loose && !host.comments) {
    throw new HostConfigError(`it has comments or a comma too many, and ${host.title} reads JSON without either`)
  }
  const inputs = Array.isArray(content.value.inputs) ? content.value.inputs.filter(isJsonObject) : []
  return {
    host,
    entries: entriesOf(host, content.value),
    inputs: inputs.flatMap(({ id }) => (typeof id === 'string' ? [id] : [])),
  }
}

function hostOf(path: string, content: JsonObject): Host {
  const file = basename(path)
  const folder = basename(dirname(path))
  if (file === 'claude_desktop_config.json') return HOSTS.desktop
  if (file === '.mcp.json' || file === '.claude.json') return HOSTS.code
  if (folder === '.cursor') return HOSTS.cursor
  if (folder === '.vscode' || Object.hasOwn(content, 'servers')) return HOSTS.vscode
  return HOSTS.other
}

interface Content {
  readonly value: JsonObject
  /** It has comments or trailing commas. */
  readonly loose: boolean
}

function tomlOf(text: string): Content {
  try {
    return { value: parseToml(text), loose: false }
  } catch (error) {
    // Its message shows the line, on which a token may stand.
    const place = error instanceof TomlError ? ` (line ${error.line}, column ${error.column})` : ''
    throw new HostConfigError(`it is not TOML${place}`)
  }
}

function jsonOf(text: string): Content {
  const strict = withoutComments(text)
  const value = parsed(strict)
  if (!isJsonObject(value)) throw new HostConfigError('it is JSON, but not an object { … }')
  return { value, loose: strict !== text }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    // The rest of the message quotes the file.
    const [, position] = /at position (\d+)/.exec(String(error)) ?? []
    const line = position === undefined ? '' : ` (line ${json.slice(0, Number(position)).split('\n').length})`
    throw new HostConfigError(`it is not JSON${line}`)
  }
}

/** Comments and trailing commas made blanks, so that every place stays where it is. */
function withoutComments(text: string): string {
  const blank = (part: string) => (part.startsWith('"') ? part : part.replace(/[^\n]/g, ' '))
  return text
    .replace(/"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, blank)
    .replace(/"[^"\\\n]*(?:\\.[^"\\\n]*)*"|,(?=\s*[}\]])/g, blank)
}

function entriesOf(host: Host, content: JsonObject): HostEntry[] {
  const projects = host === HOSTS.code && isJsonObject(content.projects) ? Object.entries(content.projects) : []
  const sections = [
    { place: host.key, section: content[host.key] },
    ...projects.flatMap(([project, settings]) => {
      const section = isJsonObject(settings) ? settings[host.key] : undefined
      return { place: `${host.key} of the project ${harmless(project, 200)}`, section }
    }),
  ].filter(({ section }) => section !== undefined)
  if (sections.length === 0) throw new HostConfigError(whyNoSection(host, content))
  return sections.flatMap(({ place, section }) => {
    if (!isJsonObject(section)) throw new HostConfigError(`“${place}” in it is not an object with one server a name`)
    return Object.entries(section).flatMap(([name, members]) =>
      isJsonObject(members) ? { name: harmless(name, 60), place, members } : [],
    )
  })
}

/** Said of a file without servers: most often the key is that of another host, or misspelt. */
function whyNoSection({ title, key }: Host, content: JsonObject): string {
  const names = Object.keys(content)
  const foreign = Object.values(HOSTS).find((other) => other.key !== key && names.includes(other.key))
  if (foreign) return `${title} reads “${key}”, and this file has “${foreign.key}” instead`
  const near = names.find((name) => nearestName(name, [key]) !== undefined)
  if (near !== undefined) return `it has “${harmless(near, 40)}”, which must read “${key}”`
  return `there is no “${key}” in it, where ${title} looks for servers`
}
