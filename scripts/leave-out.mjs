// What bundled packages load at every start and this program never uses: esbuild plugins that leave it out. (What only
// an alias can leave out is in build.mjs.)
import { readFile } from 'node:fs/promises'
import { transform } from 'esbuild'

/**
 * Parts of packages, each a file whose call would throw. undici speaks HTTP/2 only where it is told to. pino writes to
 * what it is given and by our serializer: it needs no stream, thread or redaction of its own.
 *
 * @returns {import('esbuild').Plugin}
 */
export function withoutUnusedFiles() {
  const files = [
    'undici/lib/dispatcher/client-h2.js',
    ...['redaction', 'transport', 'multistream'].map((name) => `pino/lib/${name}.js`),
    ...['sonic-boom', 'on-exit-leak-free', 'pino-std-serializers'].map((name) => `${name}/index.js`),
  ]
  const filter = new RegExp(`/node_modules/(${files.join('|')})$`.replaceAll('/', '[\\\\/]').replaceAll('.', '\\.'))
  const contents = 'module.exports = function () { throw new Error("not built in") }'
  return { name: 'without-unused-files', setup: (build) => build.onLoad({ filter }, () => ({ contents })) }
}

/**
 * More than half of MCP's schemas, which take a seventh of a start to make: the SDK lists them all in its `specTypeSchemas` and
 * `isSpecType`, which this program does not import. Without that list and with the making of a schema marked as free of
 * side effects, esbuild leaves out those that nothing else names.
 *
 * @returns {import('esbuild').Plugin}
 */
export function withoutUnusedSchemas() {
  const listing = /^for \(const .*\) register\(key, .*\);$/gm
  const making = /^(const \w+Schema = )([\s\S]+?);\n(?=\w)/gm
  return {
    name: 'without-unused-schemas',
    setup(build) {
      let listings = 0
      build.onLoad({ filter: /@modelcontextprotocol[\\/]server[\\/]dist[\\/].*\.mjs$/ }, async ({ path }) => {
        const code = await readFile(path, 'utf8')
        listings += code.match(listing)?.length ?? 0
        return { contents: code.replace(listing, '') }
      })
      build.onLoad({ filter: /@modelcontextprotocol[\\/]core[\\/]dist[\\/].*\.mjs$/ }, async ({ path }) => {
        // Laid out by esbuild, so that a statement ends where the next line begins with a word.
        const { code } = await transform(await readFile(path, 'utf8'))
        return { contents: code.replace(making, '$1/* @__PURE__ */ (() => $2)();\n') }
      })
      build.onEnd(() => (listings === 2 ? {} : { errors: [{ text: 'The SDK lists its schemas in another way now.' }] }))
    },
  }
}
