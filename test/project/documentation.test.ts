import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { updateEnvelope } from '../../src/change/envelope.ts'
import { readConfig } from '../../src/config/config.ts'
import { httpSettings, setting, settings } from '../../src/config/settings.ts'
import { customerFields, fieldFacts } from '../../src/customer/fields.ts'
import { SERVER_NAME } from '../../src/mcp/server.ts'
import { generatedParts, serverJson, withGeneratedParts } from '../helpers/generated.ts'
import { liveTools } from '../helpers/live-tools.ts'
import { runToEnd } from '../helpers/process.ts'
import { filesBelow, manifest, packageJson, root, textOf } from '../helpers/repository.ts'

/** The front page has to be read in a few minutes, bytes. */
const README_LIMIT = 10_000

const docs = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'PRIVACY.md', 'CHANGELOG.md']
pages.push(...docs.map((file) => `docs/${file}`))
/** Everything that people read about the program. */
const allPages = pages.map(textOf).join('\n')
const readme = textOf('README.md')
const toolsPage = textOf('docs/tools.md')
const hostsPage = textOf('docs/hosts.md')
const settingNames = [...settings, ...httpSettings].map(({ name }) => name)

/** The text below a heading, up to the next one of the same rank or a higher one. */
function section(page: string, heading: string): string {
  const rank = heading.indexOf(' ')
  const [, rest = expect.unreachable()] = page.split(`\n${heading}\n`)
  return rest.split(new RegExp(`\n#{1,${rank}} `))[0] ?? ''
}

/** What stands in backticks in the first column of the table below `head`. */
function firstColumn(text: string, head: string): string[] {
  const [, below = expect.unreachable()] = text.split(`\n${head}\n`)
  const rows = below.split('\n\n')[0] ?? ''
  return rows.split('\n').flatMap((row) => inBackticks(row.split(' | ')[0] ?? ''))
}

function inBackticks(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

const blocks = (page: string, language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``, 'g'))].map(([, code = '']) => code)

describe('what is generated is as the code has it (npm run docs writes it):', () => {
  test.each(Object.keys(generatedParts))('%s', async (page) => {
    await expect(await withGeneratedParts(page, textOf(page))).toMatchFileSnapshot(join(root, page))
  })

  test('server.json', async () => {
    await expect(serverJson()).toMatchFileSnapshot(join(root, 'server.json'))
  })
})

describe('README.md', () => {
  test('is short', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(README_LIMIT)
  })

  test('shows the approval page and the inbox, and leads to every page but those that a script writes', () => {
    const links = linksIn(readme).map((link) => link.split('#')[0])
    const written = ['docs/clients.md', 'docs/conformance.md', 'docs/runtimes.md']
    const expected = [
      'docs/approval-page.png',
      'docs/approvals-inbox.png',
      ...pages.filter((page) => page !== 'README.md'),
    ]
    expect(links).toEqual(expect.arrayContaining(expected.filter((page) => !written.includes(page))))
  })

  test('explains every status', () => {
    const told = firstColumn(section(readme, '## What the assistant is told'), '| `status` | meaning |')
    expect(told).toEqual(updateEnvelope.shape.status.options)
  })

  test('says of fields that need a person what the program does', () => {
    const [, sentence = ''] = /\n(.*) always need a person/.exec(readme) ?? []
    const sensitive = customerFields.filter((field) => fieldFacts[field].sensitive === true)
    const named = [...inBackticks(sentence), ...(sentence.includes('passwords') ? ['password', 'currentPassword'] : [])]
    if (sentence.includes('cards')) named.push('card', 'cardType', 'cardToken')
    expect(named.sort()).toEqual(sensitive.sort())
  })
})

test('README.md and SECURITY.md say what it is not in the same words', () => {
  const heading = '## What it is not'
  const [words = ''] = section(readme, heading).trim().split('\n\n')
  expect(section(textOf('SECURITY.md'), heading).trim()).toBe(words)
})

describe('docs/tools.md', () => {
  test('lists the arguments that the tools have', async () => {
    // Only then is there an approvalCode.
    for (const { name, inputSchema } of await liveTools({ AIFI_APPROVAL: 'chat' })) {
      const listed = firstColumn(section(toolsPage, `### \`${name}\``), '| argument | |')
      expect(listed.sort(), name).toEqual(Object.keys(inputSchema.properties).sort())
    }
  })

  test('has a section for every tool and for no other', async () => {
    const sections = [...toolsPage.matchAll(/^### `(.+)`$/gm)].map(([, name]) => name)
    expect(sections).toEqual((await liveTools()).map(({ name }) => name))
  })

  test('names the fields that a person has to agree to', () => {
    const [, list = ''] = /\*\*A person has to agree\*\* to (.*?), and to /.exec(toolsPage) ?? []
    const sensitive = customerFields.filter((field) => fieldFacts[field].sensitive === true)
    expect(inBackticks(list).sort()).toEqual(sensitive.sort())
  })

  test('explains every way of asking', () => {
    const ways = firstColumn(section(toolsPage, '## How a person is asked'), '| `AIFI_APPROVAL` | |')
    expect(ways.join(', ')).toBe(setting.approval.allowed)
  })
})

describe('docs/hosts.md', () => {
  test('has install links that name this version and carry no secret', () => {
    const linked = (name: string) => new URL(String(new RegExp(`^\\[${name}\\]: (\\S+)$`, 'm').exec(hostsPage)?.[1]))
    const redirect = String(linked('vscode').searchParams.get('url'))
    const vscode = JSON.parse(decodeURIComponent(redirect.replace('vscode:mcp/install?', '')))
    const cursor = JSON.parse(Buffer.from(String(linked('cursor').searchParams.get('config')), 'base64').toString())
    for (const { command, args } of [vscode, cursor]) {
      expect([command, ...args]).toEqual(['npx', '-y', `${packageJson.name}@${packageJson.version}`])
    }
    expect(cursor.env).toEqual({ AIFI_BASE_URL: '' })
    const asked = (id: string) => `\${input:${id}}`
    expect(vscode.env).toEqual({ AIFI_BASE_URL: asked('aifi-address'), AIFI_TOKEN: asked('aifi-token') })
    expect(vscode.inputs).toMatchObject([{ id: 'aifi-address' }, { id: 'aifi-token', password: true }])
  })
})

const hostEntry = z.object({
  command: z.literal('node'),
  args: z.tuple([z.literal(`/path/to/aifi-customer-mcp/${manifest.server.entry_point}`)]),
  env: z.record(z.string(), z.string()),
})
const hostConfiguration = z.union([
  z.strictObject({ mcpServers: z.object({ 'aifi-customers': hostEntry }) }),
  z.strictObject({ inputs: z.array(z.unknown()), servers: z.object({ 'aifi-customers': hostEntry }) }),
])

test.each([
  ['README.md', 1],
  ['docs/hosts.md', 3],
])('%s shows configurations that are JSON, and start what is built with settings that it takes', (page, count) => {
  const configurations = blocks(textOf(page), 'json')
  expect(configurations).toHaveLength(count)
  for (const text of configurations) {
    const configuration = hostConfiguration.parse(JSON.parse(text))
    const entries = 'servers' in configuration ? configuration.servers : configuration.mcpServers
    const { env } = entries['aifi-customers']
    const filled = { ...env, ...(env.AIFI_TOKEN && { AIFI_TOKEN: 'token' }), HOME: '/home/you' }
    const files: string[] = []
    const readFile = (path: string) => {
      files.push(path)
      return Buffer.from('token\n')
    }
    const result = readConfig(filled, { readFile })
    expect(result).toMatchObject({ ok: true, warnings: [] })
    expect(files).toEqual(env.AIFI_TOKEN_FILE ? ['/home/you/.config/aifi/token'] : [])
  }
})

test('the pages start the program in every way that --help knows, with options that it knows', async () => {
  const { stdout } = await runToEnd({ args: ['--help'] })
  const known = [...stdout.matchAll(/^ {2}aifi-customer-mcp ((?:--)?[a-z]+(?: [a-z]+)?)/gm)].map(([, each]) => each)
  const started = [...allPages.matchAll(/(?:aifi-customer-mcp|dist\/index\.js)"?,? "?((?:--)?[a-z]+(?: [a-z]+)?)/g)]
  const shown = started.map(([, each]) => each)
  expect(shown).toEqual(expect.arrayContaining(known.filter((each) => each !== '--help')))
  const options = shown.filter((each) => each?.startsWith('--'))
  expect(options.filter((each) => !stdout.includes(String(each)))).toEqual([])
})

/** Links inside the repository. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link)
}

function anchorsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => slug(heading))
}

describe.each(pages)('%s', (page) => {
  const text = textOf(page)

  test('links only to files and sections that exist', () => {
    const broken = linksIn(text).filter((link) => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? page : join(dirname(page), file)
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !anchorsOf(target).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  test('names only settings, scripts and source files that exist', () => {
    const variables = text.match(/\bAIFI_[A-Z_]+\b/g) ?? []
    expect(settingNames).toEqual(expect.arrayContaining([...variables]))
    const scripts = [...text.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, script]) => script)
    expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(scripts))
    const sources = inBackticks(text).filter((code) => /^(src|test|scripts|docs)\/[\w./-]*$/.test(code))
    expect(sources.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })
})

describe('the map in CONTRIBUTING.md', () => {
  const folders = firstColumn(textOf('CONTRIBUTING.md'), '| folder | what it is |')
  const folderOf = (file: string) => (file.includes('/') ? `src/${file.split('/')[0]}/` : `src/${file}`)
  const files = filesBelow(join(root, 'src'))
  const importedBy = (file: string) =>
    [...textOf(`src/${file}`).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, path = '']) =>
      join(dirname(file), path),
    )

  test('has every folder of src', () => {
    expect(folders.toSorted()).toEqual([...new Set(files.map(folderOf))].sort())
  })

  test('is in the order in which they import each other', () => {
    const upward = files.flatMap((file) => {
      const place = folders.indexOf(folderOf(file))
      return importedBy(file)
        .filter((each) => folders.indexOf(folderOf(each)) < place)
        .map((each) => `${file} → ${each}`)
    })
    expect(upward).toEqual([])
  })

  test('is of files that form no circle, types included', () => {
    const open = new Map(files.map((file) => [file, importedBy(file)]))
    // What imports nothing of the rest is in no circle.
    for (let before = 0; before !== open.size; ) {
      before = open.size
      for (const [file, imported] of open) if (!imported.some((each) => open.has(each))) open.delete(file)
    }
    expect([...open.keys()]).toEqual([])
  })
})

test('--help lists every setting with its default', async () => {
  const { stdout, code } = await runToEnd({ args: ['--help'] })
  expect(code).toBe(0)
  const lines = stdout.split('\n').map((line) => line.trim())
  const ending = (fallback: string) => {
    if (fallback === 'none') return ''
    return fallback.endsWith('required') ? `(${fallback})` : `(default: ${fallback})`
  }
  const missing = settings.filter(({ name, meaning, default: fallback }) => {
    const line = lines.find((each) => each.startsWith(`${name} `))
    return !line?.includes(meaning) || !line.endsWith(ending(fallback))
  })
  expect(missing.map(({ name }) => name)).toEqual([])
})

describe('the version of package.json', () => {
  test('is that of the program, and of the server that a client sees', async () => {
    expect((await runToEnd({ args: ['--version'] })).stdout).toBe(`${packageJson.version}\n`)
    expect(SERVER_NAME).toBe(packageJson.name)
  })

  test('is that of the manifest, and the newest in CHANGELOG.md', () => {
    expect(manifest.version).toBe(packageJson.version)
    expect(/^## (\S+)/m.exec(textOf('CHANGELOG.md'))?.[1]).toBe(packageJson.version)
  })
})

describe('manifest.json', () => {
  const { env, args } = manifest.server.mcp_config

  test('is of the same package: name, licence, Node', () => {
    expect(manifest.name).toBe(packageJson.name)
    expect(manifest.license).toBe(packageJson.license)
    expect(manifest.compatibility.runtimes.node).toBe(packageJson.engines.node)
    expect(args).toEqual([`\${__dirname}/${manifest.server.entry_point}`])
  })

  test('lists the tools that the server lists', async () => {
    expect(manifest.tools.map(({ name }) => name)).toEqual((await liveTools()).map(({ name }) => name))
  })

  /** Node reads the one itself, and the other is not ours alone. */
  const shared = ['HTTPS_PROXY', 'NODE_EXTRA_CA_CERTS']

  test('sets only settings that exist, and keeps secrets out of the conversation', () => {
    expect([...settingNames, ...shared]).toEqual(expect.arrayContaining(Object.keys(env)))
    expect(env.AIFI_SECRET_ARGUMENTS).toBe('refuse')
  })

  test('asks for exactly what it uses, and hides what is secret', () => {
    const uses = Object.entries(env).flatMap(([name, value]) => {
      const [, key] = /^\$\{user_config\.(\w+)\}$/.exec(value) ?? []
      return key === undefined ? [] : [{ name, key }]
    })
    expect(uses.map(({ key }) => key).sort()).toEqual(Object.keys(manifest.user_config).sort())
    for (const { name, key } of uses) {
      const { sensitive, required } = manifest.user_config[key] ?? expect.unreachable()
      expect({ name, sensitive }).toEqual({ name, sensitive: /_(TOKEN|SECRET|PARAMS|PROXY)$/.test(name) })
      expect({ name, required }).toEqual({ name, required: name === 'AIFI_BASE_URL' })
    }
  })
})

describe('server.json', () => {
  /** The restrictions of the registry's schema that could be met by accident only. */
  const name = z
    .string()
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
  const version = z
    .string()
    .max(255)
    .regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
  const schema = z.strictObject({
    $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
    name,
    title: z.string().min(1).max(100),
    description: z.string().min(1).max(100),
    version,
    packages: z.tuple([
      z.strictObject({
        registryType: z.literal('npm'),
        identifier: z.literal(packageJson.name),
        version,
        transport: z.strictObject({ type: z.literal('stdio') }),
        environmentVariables: z.array(
          z.strictObject({
            name: z.enum(settingNames),
            description: z.string().min(1),
            format: z.enum(['string', 'number', 'boolean', 'filepath']),
            isRequired: z.boolean(),
            isSecret: z.boolean(),
            choices: z.array(z.string()).optional(),
            default: z.string().optional(),
          }),
        ),
      }),
    ]),
  })
  const content: unknown = JSON.parse(serverJson())

  test('has the shape that the registry asks for', () => {
    expect(schema.safeParse(content).error).toBeUndefined()
  })

  test('is claimed by the package', () => {
    expect(content).toMatchObject({ name: packageJson.mcpName, version: packageJson.version })
  })

  test('marks what is secret and what is required', () => {
    const { environmentVariables } = schema.parse(content).packages[0]
    const named = (key: 'isSecret' | 'isRequired') =>
      environmentVariables.filter((variable) => variable[key]).map(({ name }) => name)
    expect(named('isRequired')).toEqual(['AIFI_BASE_URL'])
    expect(named('isSecret')).toEqual(['AIFI_TOKEN', 'AIFI_CLIENT_SECRET', 'AIFI_TOKEN_PARAMS'])
  })
})

/** As the code host makes anchors of headings. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}
