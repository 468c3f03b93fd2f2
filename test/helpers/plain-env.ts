import process from 'node:process'
import { fileURLToPath } from 'node:url'

const own = Object.entries(process.env).flatMap(([name, value]) =>
  /^(path|home|tmpdir|temp|systemroot)$/i.test(name) && value !== undefined ? [[name, value]] : [],
)
/** Code that is kept compiled: nothing of it into the cache folder of whoever runs the tests. */
const XDG_CACHE_HOME = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))

/** Of the tests' own environment, what a program cannot do without. */
export const plainEnv: Readonly<Record<string, string>> = { ...Object.fromEntries(own), XDG_CACHE_HOME }
