import { constants } from 'node:fs'
import { access, lstat, open, readlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Finding, notNeeded, ok, problem, warning } from './check.ts'

/** As many as a chain of symbolic links may reasonably have. */
const LINKS = 8

/**
 * Whether the audit file can be written. Nothing is written, no mode is changed, and no file is made: of one that is not
 * there yet, only the folder is looked at.
 */
export async function auditFinding(path: string | undefined, platform: NodeJS.Platform): Promise<Finding> {
  if (path === undefined) return notNeeded('none is kept (AIFI_AUDIT_LOG is not set)')
  try {
    return await existing(path, platform)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return unwritable(`the file cannot be opened for writing (${codeOf(error)})`)
  }
  try {
    await access(dirname(await target(resolve(path))), constants.W_OK | constants.X_OK)
    return ok('is not there yet, and can be made (the folder can be written)')
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
    return unwritable(isMissing ? 'its folder does not exist' : `its folder cannot be written (${codeOf(error)})`)
  }
}

async function existing(path: string, platform: NodeJS.Platform): Promise<Finding> {
  // Without O_NONBLOCK, opening a pipe could wait for its other end for ever.
  const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile()) return unwritable('is not a regular file')
    if (platform !== 'win32' && found.mode & 0o077) {
      return warning(
        'can be written, and others on this machine may read it',
        'Nothing to do: the server makes it private (0600) when it starts.',
      )
    }
    return ok(`can be written (${found.size} bytes so far; nothing was added)`)
  } finally {
    await file.close()
  }
}

function unwritable(found: string): Finding {
  return problem(
    found,
    'Have AIFI_AUDIT_LOG name a file in a folder that this user may write to. Until then the server does not start.',
  )
}

/** Where a symbolic link leads whose end is missing: there the file would be made. */
async function target(path: string, links = LINKS): Promise<string> {
  const isLink = await lstat(path).then(
    (stat) => stat.isSymbolicLink(),
    () => false,
  )
  return isLink && links > 0 ? target(resolve(dirname(path), await readlink(path)), links - 1) : path
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
