import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { Script } from 'node:vm'

/** What decides whose compiled code can be used, and where it is kept. */
export interface CodeCacheHost {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** What runs the program, in whatever words: Node, V8, architecture, options. */
  readonly engine: string
  /** The user that this process runs as, where there are such. */
  readonly uid: number | undefined
}

export interface Program {
  /** Its `module.exports`. */
  readonly exports: unknown
  /** Keeps what has been compiled of it until now for the next start, if nothing is kept yet. Never throws. */
  keepCode(): void
}

/** Of so many programs and engines the code is kept. */
const KEPT = 8
const CHECKSUM_BYTES = 32
/** The names of what is kept, and of what is being written. */
const OURS = /^[0-9a-f]{32}\.bin(\.[0-9a-f-]+)?$/
/** Not through a link, and not waiting for whoever might write into a pipe. Windows has neither. */
const READING = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * Runs a CommonJS module that stands in the function that Node itself would put around it, with the code that V8 compiled
 * of it at an earlier start (`vm.Script`, `cachedData`): compiling is a quarter of the time until tools are listed. Node's
 * own `module.enableCompileCache` keeps only what is compiled at once, which is little of it, and Node 20 has none.
 *
 * The code is kept in the user's own cache folder. Where that is unknown, not the user's or cannot be written the program
 * runs without; `NODE_DISABLE_COMPILE_CACHE=1` turns it off, as it does Node's own. What is kept is code that runs with
 * all rights of this program: V8 looks neither for damage nor at whose it is, so this does. Throws what the file throws,
 * or that it is missing.
 */
export function loadProgram(file: string, host: CodeCacheHost): Program {
  const source = readFileSync(file, 'utf8')
  const folder = host.env.NODE_DISABLE_COMPILE_CACHE ? undefined : cacheFolder(host.env, host.platform)
  const cache = folder !== undefined && isOwn(folder, host.uid) ? folder : undefined
  const name = `${sha256(`${host.engine}\n${source}`).toString('hex', 0, 16)}.bin`
  const script = compiled(source, file, cache === undefined ? undefined : readKept(cache, name, host.uid))
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
  // V8 looks at its own version and options once more.
  let isKept = script.cachedDataRejected === false
  return {
    exports: module.exports,
    keepCode() {
      if (isKept || cache === undefined) return
      isKept = true
      try {
        keep(cache, name, () => script.createCachedData())
        removeOldest(cache)
      } catch {
        // It starts a little slower the next time.
      }
    },
  }
}

/** A function of its own, so that nothing holds the code that was read while the program runs for the first time. */
function compiled(source: string, filename: string, cachedData: Buffer | undefined): Script {
  return new Script(source, { filename, ...(cachedData && { cachedData }) })
}

/** The code, if it is whole and nobody but this user can have written it. */
function readKept(folder: string, name: string, uid: number | undefined): Buffer | undefined {
  try {
    const file = openSync(join(folder, name), READING)
    try {
      const stat = fstatSync(file)
      if (!stat.isFile() || !isAlone(stat, uid)) return undefined
      const content = readFileSync(file)
      const code = content.subarray(CHECKSUM_BYTES)
      return checksum(name, code).equals(content.subarray(0, CHECKSUM_BYTES)) ? code : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** Puts it in place when it is complete: other processes may be doing the same. */
function keep(folder: string, name: string, code: () => Buffer): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const unfinished = join(folder, `${name}.${randomUUID()}`)
  const file = openSync(unfinished, 'wx', 0o600)
  try {
    try {
      // Only now that it can be written: it takes a while.
      const kept = code()
      writeFileSync(file, checksum(name, kept))
      writeFileSync(file, kept)
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, join(folder, name))
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

function removeOldest(folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => OURS.test(name))
    .map((name) => ({ path: join(folder, name), writtenAt: lstatSync(join(folder, name)).mtimeMs }))
  files.sort((a, b) => b.writtenAt - a.writtenAt)
  for (const { path } of files.slice(KEPT)) rmSync(path, { force: true })
}

/** A folder that this user alone can write into; or, where there is none yet, the nearest above it is this user's. */
function isOwn(folder: string, uid: number | undefined): boolean {
  try {
    const stat = lstatSync(folder)
    return stat.isDirectory() && isAlone(stat, uid)
  } catch (error) {
    return isMissing(error) && isBelowOwn(dirname(folder), uid)
  }
}

function isBelowOwn(folder: string, uid: number | undefined): boolean {
  try {
    const stat = statSync(folder)
    return stat.isDirectory() && (uid === undefined || stat.uid === uid)
  } catch (error) {
    return isMissing(error) && folder !== dirname(folder) && isBelowOwn(dirname(folder), uid)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function isAlone({ uid, mode }: { uid: number; mode: number }, user: number | undefined): boolean {
  return user === undefined || (uid === user && (mode & 0o022) === 0)
}

/** Of one name: what is kept of one program cannot pass for another's. */
function checksum(name: string, code: Buffer): Buffer {
  return createHash('sha256').update(name).update(code).digest()
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function cacheFolder(env: CodeCacheHost['env'], platform: NodeJS.Platform): string | undefined {
  const own = 'aifi-customer-mcp'
  const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = env
  // On Windows this is where all data of a program is, not only what can be made anew.
  if (platform === 'win32') return below(LOCALAPPDATA, own, 'Cache')
  if (platform === 'darwin') return below(HOME, 'Library', 'Caches', own)
  return below(XDG_CACHE_HOME, own) ?? below(HOME, '.cache', own)
}

/** Undefined where there is no such folder: a home that does not exist is not made. */
function below(folder: string | undefined, ...names: string[]): string | undefined {
  return folder && isAbsolute(folder) && existsSync(folder) ? join(folder, ...names) : undefined
}
