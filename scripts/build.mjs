// Builds dist/: index.js, which checks the Node version and imports the rest, and chunks. Everything is bundled.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { writeNotices } from './notices.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const { version } = JSON.parse(await readFile('package.json', 'utf8'))
// Put in place when it is complete: a build that fails, or two at a time, leave no half of one.
const outdir = `node_modules/.cache/dist-${process.pid}`

await mkdir('node_modules/.cache', { recursive: true })
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  outdir,
  // What would be loaded and never used stays out; the files say why that does no harm.
  alias: { '@modelcontextprotocol/server/_shims': './src/sdk-shims.ts', undici: './scripts/undici-dispatchers.mjs' },
  plugins: [withoutHttp2()],
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  minify: true,
  legalComments: 'none',
  chunkNames: 'chunks/[name]-[hash]',
  define: { __VERSION__: JSON.stringify(version) },
  // Bundled CommonJS packages call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
})
// What Node reads before index.js has looked at its version, it has to be able to read.
const readFirst = [`${outdir}/index.js`, ...staticImports(`${outdir}/index.js`)]
for (const file of readFirst) {
  const { code } = await transform(await readFile(file, 'utf8'), { format: 'esm', target: 'node12.22', minify: true })
  await writeFile(file, code)
}
await writeNotices(metafile, 'THIRD_PARTY_NOTICES')
await writeFile('node_modules/.cache/metafile.json', JSON.stringify(metafile))
await chmod(`${outdir}/index.js`, 0o755)
await rm('dist', { recursive: true, force: true })
await rename(outdir, 'dist').catch(async (error) => {
  // Another build was faster.
  await rm(outdir, { recursive: true, force: true })
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
})

function staticImports(file) {
  const found = metafile.outputs[file].imports.filter(({ kind, external }) => kind === 'import-statement' && !external)
  return found.flatMap(({ path }) => [path, ...staticImports(path)])
}

/** undici speaks HTTP/2 only where it is told to, and http.ts does not; loading it is a quarter of what loading undici takes. */
function withoutHttp2() {
  const file = /undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/
  const contents = 'module.exports = () => { throw new Error("HTTP/2 is not built in") }'
  return { name: 'without-http2', setup: (build) => build.onLoad({ filter: file }, () => ({ contents })) }
}
