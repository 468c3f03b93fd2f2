// Builds dist/: index.js, which looks at the Node version and runs program.js, which is all the rest. Both are CommonJS,
// and bundled: that starts sooner than ECMAScript modules do, and what was compiled can be kept (src/cli/code-cache.ts).
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeNotices } from './notices.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const { version } = JSON.parse(await readFile('package.json', 'utf8'))
// Put in place when it is complete: a build that fails, or two at a time, leave no half of one.
const outdir = `node_modules/.cache/dist-${process.pid}`

const THIS_URL = "const __url = require('node:url').pathToFileURL(__filename).href;"

const shared = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
}
await mkdir('node_modules/.cache', { recursive: true })
const start = await build({ ...shared, entryPoints: ['src/index.ts'], target: 'node12.22' })
const program = await build({
  ...shared,
  entryPoints: { program: 'src/cli/command-line.ts' },
  target: 'node20.18',
  supported: { 'dynamic-import': false },
  // What would be loaded and never used stays out; the files say why that does no harm.
  alias: {
    '@modelcontextprotocol/server/_shims': './src/mcp/sdk-shims.ts',
    undici: './scripts/undici-dispatchers.mjs',
  },
  plugins: [withoutHttp2()],
  define: { __VERSION__: JSON.stringify(version), 'import.meta.url': '__url' },
  // As Node itself wraps a CommonJS module: src/cli/code-cache.ts is what runs it.
  banner: { js: `(function (exports, require, module, __filename, __dirname) { "use strict"; ${THIS_URL}` },
  footer: { js: '})' },
})
await writeFile(`${outdir}/program.js`, inAscii(await readFile(`${outdir}/program.js`, 'utf8')))
await writeFile(`${outdir}/package.json`, '{ "type": "commonjs" }\n')
const metafile = { outputs: { ...start.metafile.outputs, ...program.metafile.outputs } }
await writeNotices(metafile, 'THIRD_PARTY_NOTICES')
await writeFile('node_modules/.cache/metafile.json', JSON.stringify(metafile))
await chmod(`${outdir}/index.js`, 0o755)
await rm('dist', { recursive: true, force: true })
await rename(outdir, 'dist').catch(async (error) => {
  // Another build was faster.
  await rm(outdir, { recursive: true, force: true })
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
})

/**
 * V8 keeps a text in ASCII in half the memory. esbuild escapes what is not, but in regular expressions and in tagged
 * templates, where an escape means the same as long as nobody asks for their raw text.
 */
function inAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** undici speaks HTTP/2 only where it is told to, and http.ts does not; loading it is a quarter of what loading undici takes. */
function withoutHttp2() {
  const file = /undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/
  const contents = 'module.exports = () => { throw new Error("HTTP/2 is not built in") }'
  return { name: 'without-http2', setup: (build) => build.onLoad({ filter: file }, () => ({ contents })) }
}
