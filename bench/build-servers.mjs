// Bundles the servers that ours is compared with, minified as ours is: node bench/build-servers.mjs FOLDER
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const [, , outdir] = process.argv
if (outdir === undefined) throw new Error('It needs a folder.')
await build({
  absWorkingDir: fileURLToPath(new URL('servers', import.meta.url)),
  entryPoints: ['minimal-v1.mjs', 'minimal-v2.mjs', 'minimal-http.mjs', 'bare-loop.mjs', 'line-loop.mjs'],
  outdir,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  legalComments: 'none',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
})
