import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
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
  readonly arch: string
  /** The version of V8. */
  readonly v8: string
  /** The user that this process runs as, where there are such. */
  readonly uid: number | undefined
}

export interface Program {
  /** Its `module.exports`. */
  readonly exports: unknown
  /** Keeps what has been compiled of it until now for the next start, if nothing is kept yet. Never throws. */
  keepCode(): void
}

/** Of so many programs and versions of V8 the code is kept. */
const KEPT = 8
const CHECKSUM_BYTES = 32

/**
 * Runs a CommonJS module that stands in the function that Node itself would put around it, with the code that V8 compiled
 * of it at an earlier start (`vm.Script`, `cachedData`): compiling is a quarter of the time until tools are listed. Node's
 * own `module.enableCompileCache` keeps only what is compiled at once, which is little of it, and Node 20 has none.
 *
 * The code is kept in the user's own cache folder. Where that is unknown or cannot be written the program runs without;
 * `NODE_DISABLE_COMPILE_CACHE=1` turns it off, as it does Node's own. Throws what the file throws, or that it is missing.
 */
export function loadProgram(file: string, host: CodeCacheHost): Program {
  const source = readFileSync(file, 'utf8')
  const users = host.env.NODE_DISABLE_COMPILE_CACHE ? undefined : cacheFolder(host.env, host.platform)
  const folder = users && join(users, 'aifi-customer-mcp')
  const kept = folder ? join(folder, `${nameOf(source, host)}.bin`) : undefined
  const script = compiled(source, file, kept === undefined ? undefined : readKept(kept, host.uid))
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
  // V8 also looks at the options that it was started with.
  let isKept = script.cachedDataRejected === false
  return {
    exports: module.exports,
    keepCode() {
      if (isKept || !folder || !kept) return
      isKept = true
      try {
        keep(kept, script.createCachedData())
        removeOldest(folder)
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

/** Another program, and another V8, have another name. */
function nameOf(source: string, { arch, v8 }: CodeCacheHost): string {
  return createHash('sha256').update(`${v8} ${arch}\n`).update(source).digest('hex').slice(0, 32)
}

/** V8 does not look for damage: damaged code would crash the process. Nor does it ask who wrote it. */
function readKept(path: string, uid: number | undefined): Buffer | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const stat = fstatSync(file)
      if (!stat.isFile() || (uid !== undefined && (stat.uid !== uid || (stat.mode & 0o022) !== 0))) return undefined
      const content = readFileSync(file)
      const code = content.subarray(CHECKSUM_BYTES)
      return checksum(code).equals(content.subarray(0, CHECKSUM_BYTES)) ? code : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** Puts it in place when it is complete: other processes may be doing the same. */
function keep(path: string, code: Buffer): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.${randomUUID()}`
  try {
    writeFileSync(unfinished, Buffer.concat([checksum(code), code]), { flag: 'wx', mode: 0o600 })
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

function removeOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name)
    return { path, writtenAt: statSync(path).mtimeMs }
  })
  files.sort((a, b) => b.writtenAt - a.writtenAt)
  for (const { path } of files.slice(KEPT)) rmSync(path, { force: true })
}

function checksum(code: Buffer): Buffer {
  return createHash('sha256').update(code).digest()
}

function cacheFolder(env: CodeCacheHost['env'], platform: NodeJS.Platform): string | undefined {
  const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = env
  if (platform === 'win32') return absolute(LOCALAPPDATA)
  const home = absolute(HOME)
  if (platform === 'darwin') return home && join(home, 'Library', 'Caches')
  return absolute(XDG_CACHE_HOME) ?? (home && join(home, '.cache'))
}

function absolute(path: string | undefined): string | undefined {
  return path && isAbsolute(path) ? path : undefined
}
