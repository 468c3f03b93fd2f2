// Builds dist/: index.js, which looks at the Node version and then loads program.js, which is all the rest. What only
// some commands or moments need (the sandbox, doctor, undici) is in files of its own that are read when it is.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { withoutUnusedFiles, withoutUnusedSchemas } from './leave-out.mjs'
import { writeNotices } from './notices.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const { version } = JSON.parse(await readFile('package.json', 'utf8'))
// Put in place when it is complete: a build that fails, or two at a time, leave no half of one.
const outdir = `node_modules/.cache/dist-${process.pid}`

/** @satisfies {import('esbuild').BuildOptions} */
const shared = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  platform: 'node',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
}
const target = 'node20.18'
/** CommonJS: Node starts it 10 ms sooner than modules. `import()` becomes a `require()` in a promise. */
const commonJs = /** @type {const} */ ({ format: 'cjs', supported: { 'dynamic-import': false } })

await mkdir(outdir, { recursive: true })
const start = await build({
  ...shared,
  ...commonJs,
  entryPoints: ['src/index.ts'],
  target: 'node12.22',
  plugins: [programApart()],
})
const program = await build({
  ...shared,
  format: 'esm',
  write: false,
  entryPoints: { program: 'src/cli/command-line.ts' },
  target,
  splitting: true,
  chunkNames: '[name]-[hash]',
  // What would be loaded and never used stays out; the files say why that does no harm.
  alias: {
    '@modelcontextprotocol/server/_shims': './src/mcp/sdk-shims.ts',
    undici: './scripts/undici-dispatchers.mjs',
  },
  plugins: [startInOneFile(), withoutUnusedFiles(), withoutUnusedSchemas()],
  define: { __VERSION__: JSON.stringify(version), 'import.meta.url': '""' },
})
// esbuild splits modules only; what it made of them is one file each.
for (const { path, text } of program.outputFiles) {
  const { code } = await transform(text, {
    ...commonJs,
    target,
    platform: 'node',
    minify: true,
    banner: '"use strict";',
  })
  await writeFile(path, code)
}
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
 * index.js is built for versions of Node that could not read the program.
 *
 * @returns {import('esbuild').Plugin}
 */
function programApart() {
  const program = { path: './program.js', external: true }
  return {
    name: 'program-apart',
    setup: (build) => build.onResolve({ filter: /\/command-line\.ts$/ }, () => program),
  }
}

/**
 * All that every start needs is in one file, since each file costs a millisecond: esbuild puts together what the same
 * entry points reach, and so each module that is imported later is made to reach the program.
 *
 * @returns {import('esbuild').Plugin}
 */
function startInOneFile() {
  const namespace = 'later'
  return {
    name: 'start-in-one-file',
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, resolveDir, path }) =>
        kind === 'dynamic-import' ? { namespace, path: relative(root, join(resolveDir, path)) } : undefined,
      )
      build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
        contents: `import './src/cli/command-line.ts'\nexport * from './${path}'`,
        resolveDir: root,
      }))
    },
  }
}
