// The parts of the soak: the program as it is published, in a process of its own, and the tests' model of AiFi.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The model of AiFi, and what looks into an audit.
 *
 * @typedef {typeof import('../../test/helpers/model-aifi.ts')
 *   & typeof import('../../test/helpers/fault-server.ts')
 *   & typeof import('../../test/helpers/fault.ts')
 *   & typeof import('../../test/helpers/verify-audit.ts')} Model
 */

/** The program, and the model, built into a folder that `remove` removes. Needs dist/. */
export async function buildParts() {
  const folder = await mkdtemp(join(tmpdir(), 'aifi-soak-'))
  const contents = `
    export * from './test/helpers/model-aifi.ts'
    export * from './test/helpers/fault-server.ts'
    export * from './test/helpers/fault.ts'
    export * from './test/helpers/verify-audit.ts'`
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile: join(folder, 'model.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    banner: { js: "import { createRequire as __r } from 'node:module';const require = __r(import.meta.url);" },
    absWorkingDir: root,
    logLevel: 'warning',
  })
  /** @type {Model} */
  const model = await import(pathToFileURL(join(folder, 'model.mjs')).href)
  return {
    program: join(root, 'dist', 'index.js'),
    auditFile: join(folder, 'audit.jsonl'),
    model,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Runs in the program's process: on a signal, it collects garbage and says how much memory is left. */
const probe = `
  import process from 'node:process'
  process.on('SIGUSR2', () => {
    for (let round = 0; round < 4; round++) gc()
    const { rss, heapUsed, external } = process.memoryUsage()
    process.stderr.write('MEMORY ' + JSON.stringify({ rss, heapUsed, external }) + '\\n')
  })`

/**
 * Starts the program and connects to it, with a client that answers its forms.
 *
 * @param {{ program: string, env: Record<string, string>, answer(message: string): any }} how
 */
export async function startProgram({ program, env, answer }) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(probe)}`, program],
    env: { PATH: process.env.PATH ?? '', ...env },
    stderr: 'pipe',
  })
  const client = new Client(
    { name: 'soak', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: 'legacy' } },
  )
  client.setRequestHandler('elicitation/create', async ({ params }) => answer(params.message))
  let stderr = ''
  transport.stderr?.on('data', (/** @type {Buffer} */ chunk) => {
    stderr += chunk.toString()
  })
  await client.connect(transport)
  return {
    client,
    /** What it has logged: nothing, unless something went wrong. */
    log: () => stderr.split('\n').filter((line) => line !== '' && !line.startsWith('MEMORY')),
    /** The program's memory after garbage collection, in bytes. */
    async memory() {
      const before = stderr.length
      if (transport.pid !== null) process.kill(transport.pid, 'SIGUSR2')
      for (;;) {
        const found = /MEMORY (\{.*\})\n/.exec(stderr.slice(before))
        if (found?.[1]) return JSON.parse(found[1])
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    close: () => client.close(),
  }
}

/** The records of an audit file. @param {string} file */
export async function auditRecords(file) {
  const text = await readFile(file, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}
