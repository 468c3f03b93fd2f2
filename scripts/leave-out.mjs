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
 * More than half of MCP's schemas, which take a fifth of a start to make: those that only the SDK's `specTypeSchemas` and
 * `isSpecType` list, which this program does not import, and those of methods that it neither serves nor sends. The
 * build fails when the SDK is no longer laid out as this expects; test/mcp/left-out.integration.test.ts compares the
 * built program with its source.
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
      let makers = 0
      build.onLoad({ filter: /@modelcontextprotocol[\\/]server[\\/]dist[\\/].*\.mjs$/ }, async ({ path }) => {
        const code = await laidOut(path)
        listings += code.match(listing)?.length ?? 0
        makers += code.match(MAKER)?.length ?? 0
        return { contents: withoutUnservedMethods(code.replace(listing, '')) }
      })
      build.onLoad({ filter: /@modelcontextprotocol[\\/]core[\\/]dist[\\/].*\.mjs$/ }, async ({ path }) => {
        const code = await laidOut(path)
        // Marked as free of side effects, a schema stays out where nothing names it.
        return { contents: code.replace(making, '$1/* @__PURE__ */ (() => $2)();\n') }
      })
      build.onEnd(() => {
        const errors = []
        if (listings !== 2) errors.push({ text: 'The SDK lists its schemas in another way now.' })
        if (makers !== 2) errors.push({ text: 'The SDK makes its schemas in another way now.' })
        return { errors }
      })
    },
  }
}

/** A module as esbuild lays it out: one statement ends where the next line is indented no deeper. @param {string} path */
async function laidOut(path) {
  return (await transform(await readFile(path, 'utf8'))).code
}

/** The function that makes all schemas of one revision when the first is needed: its name, its constants, what it returns. */
const MAKER = /^function (build(?:\$\d)?)\(\) \{\n([\s\S]+?)\n {2}return \{\n([\s\S]+?)\n {2}\};\n\}\n/gm
/**
 * A schema in a table by method: of what this server does not offer (`prompts/get`) or does not ask of a client
 * (`sampling/createMessage`). The SDK takes a method without one for a method that its revision does not have.
 */
const UNSERVED = new RegExp(
  String.raw`^( +)"(?:notifications/)?(?:completion|logging|message|prompts|resources|roots|sampling|tasks)\b[^"]*": ` +
    String.raw`(?!null).*\n(?:\1 +.*\n)*(?:\1\}.*\n)?`,
  'gm',
)
/** The same, of what only a client receives, and of an answer to sampling. */
const ELICITATION = /^ +"elicitation\/create": s\.ElicitRequestSchema,\n/gm
const SAMPLING = /hasTools \? s\.\w+ : s\.\w+/

/**
 * The SDK without the schemas of methods that it is not asked for here, and what only these are made of.
 *
 * @param {string} code
 */
function withoutUnservedMethods(code) {
  const served = code.replace(UNSERVED, '').replace(ELICITATION, '').replace(SAMPLING, 'undefined')
  const asked = new Set([...served.matchAll(/(?:\bs|buildSchemas\d+\(\))\.(\w+)/g)].map(([, name]) => name))
  return served.replace(MAKER, (_, maker, constants, returned) => {
    const members = split(returned, ',\n', 4).filter(({ name }) => asked.has(name))
    const statements = split(constants, '\n', 2)
    const kept = new Set(members)
    // What is added to a set on the way is walked through as well.
    for (const { text } of kept) {
      const names = new Set(text.match(/[\w$]+/g))
      for (const statement of statements) if (names.has(statement.name)) kept.add(statement)
    }
    const body = statements.filter((each) => kept.has(each)).map(({ text }) => text)
    const result = members.map(({ text }) => text)
    return `function ${maker}() {\n${body.join('\n')}\n  return {\n${result.join(',\n')}\n  };\n}\n`
  })
}

/**
 * The parts of laid out code that begin at this depth, and the name that each is known by.
 *
 * @param {string} code
 * @param {string} separator
 * @param {number} indent
 */
function split(code, separator, indent) {
  return code.split(new RegExp(`${separator}(?= {${indent}}\\w)`)).map((text) => {
    const [, name = ''] = /^ *(?:const |function )?([\w$]+)/.exec(text) ?? []
    return { name, text }
  })
}
