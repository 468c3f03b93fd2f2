import { outcomeTable, type Proof, readBackTable } from '../../src/change/outcome.ts'
import { httpSettings, type Setting, settings } from '../../src/config/settings.ts'
import { conversation } from './conversation.ts'
import { manifest, packageJson } from './repository.ts'

/** What is written into the pages and into server.json from the code: `npm run docs`. */

/** A part of a page, by the name that it has there: it stands between `<!-- name -->` and `<!-- /name -->`. */
type Parts = Readonly<Record<string, () => string | Promise<string>>>

/** What is generated in each page. */
export const generatedParts: Readonly<Record<string, Parts>> = {
  'README.md': { conversation: async () => `\`\`\`text\n${await conversation()}\n\`\`\`` },
  'docs/settings.md': {
    settings: () => table(['variable', 'meaning', 'allowed', 'default'], settings.map(settingRow)),
  },
  'docs/operate.md': {
    'http-settings': () => table(['variable', 'meaning', 'allowed', 'default'], httpSettings.map(settingRow)),
  },
  'docs/outcomes.md': {
    outcomes: () =>
      table(
        ['what happened', 'what is known'],
        outcomeTable.map(({ what, proof }) => [what, proofWords[proof]]),
      ),
    'read-back': () =>
      table(
        ['what the record shows', 'what is known'],
        readBackTable.map(({ what, status }) => [what, statusWords[status]]),
      ),
  },
}

const statusWords = {
  updated: '`updated`: AiFi made the change, or has accepted it',
  failed: '`failed`: nothing was changed',
  unknown: '`unknown`: a person has to look',
} as const

const proofWords: Record<Proof, string> = {
  updated: '`updated`: AiFi accepted it',
  invalid: '`invalid`: nothing was changed',
  failed: '`failed`: nothing was changed',
  accepted: '*read back*: `updated` or `unknown`',
  read_back: '*read back*: `updated` or `unknown`',
  read_back_finished: '*read back*: `updated`, `failed` or `unknown`',
}

function settingRow({ name, meaning, allowed, default: fallback }: Setting): string[] {
  // Otherwise it would become a link.
  const plain = allowed.replace('https://host[:port][/prefix]', '`$&`')
  return [`\`${name}\``, meaning, plain, isValue(fallback) ? `\`${fallback}\`` : fallback]
}

/** False for defaults that are words for people. */
function isValue(fallback: string): boolean {
  return !fallback.includes(' ') && !['required', 'none', 'random'].includes(fallback)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The text of a page with its generated parts as they should be. Throws when one has no place in it. */
export async function withGeneratedParts(page: string, text: string): Promise<string> {
  let written = text
  for (const [name, part] of Object.entries(generatedParts[page] ?? {})) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->\n)`)
    if (!place.test(written)) throw new Error(`${page} has no <!-- ${name} --> … <!-- /${name} -->`)
    const content = await part()
    written = written.replace(place, (_, start: string, end: string) => `${start}\n${content}\n\n${end}`)
  }
  return written
}

/** What the MCP registry is told. Nothing of a repository as long as there is no public one. */
export function serverJson(): string {
  const { name, version, mcpName } = packageJson
  const content = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: mcpName,
    title: manifest.display_name,
    description: manifest.description,
    version,
    packages: [
      {
        registryType: 'npm',
        identifier: name,
        version,
        transport: { type: 'stdio' },
        environmentVariables: settings.map(environmentVariable),
      },
    ],
  }
  // Lists of words on one line, as the formatter has them.
  const json = JSON.stringify(content, null, 2).replace(/\[\s+("[^[\]{}]*")\s+\]/g, (_, words: string) => {
    return `[${words.replace(/,\s+/g, ', ')}]`
  })
  return `${json}\n`
}

function environmentVariable({ name, meaning, allowed, format, choices, secret, default: fallback }: Setting) {
  return {
    name,
    description: format === 'filepath' ? meaning : `${meaning}; ${allowed}`,
    format,
    isRequired: fallback === 'required',
    isSecret: secret === true,
    ...(choices && { choices }),
    ...(isValue(fallback) && { default: fallback }),
  }
}
