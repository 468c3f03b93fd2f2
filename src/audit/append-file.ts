import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'

/** What can fail on a disk, as a parameter. */
export interface Disk {
  /** Returns how many bytes were taken. */
  write(descriptor: number, bytes: Uint8Array): number
  flush(descriptor: number): void
}

const realDisk: Disk = { write: writeSync, flush: fdatasyncSync }

/**
 * A private file of lines that several processes may append to at once. It may be renamed, removed or emptied at any
 * time (log rotation). The methods are synchronous and throw what the file system throws.
 */
export class AppendFile {
  readonly #path: string
  readonly #disk: Disk
  #descriptor: number | undefined
  /** How large the file at least is, in bytes, as long as nobody empties it. */
  #leastSize = 0n
  #appended = false

  constructor(path: string, disk: Disk = realDisk) {
    this.#path = path
    this.#disk = disk
    this.#descriptor = openPrivate(path)
  }

  /** Opens the path again if another file, or none, is there now. True while nothing was appended to what is there. */
  refresh(): boolean {
    const descriptor = this.#open
    const opened = fstatSync(descriptor, { bigint: true })
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    if (found?.ino !== opened.ino || found.dev !== opened.dev) {
      this.#descriptor = openPrivate(this.#path)
      this.#appended = false
      closeSync(descriptor)
    } else if (opened.size < this.#leastSize) {
      this.#appended = false
    }
    return !this.#appended
  }

  /** Adds the line in one write, so that lines of two processes do not mix; on a fresh line if the last one was torn. */
  append(line: string): void {
    const { size } = fstatSync(this.#open, { bigint: true })
    const bytes = Buffer.from(`${this.#endsInLineBreak(size) ? '' : '\n'}${line}\n`)
    const written = this.#disk.write(this.#open, bytes)
    // A line that lacks only its line break is there: the next one will start with one.
    if (written < bytes.length - 1) throw new Error(`Only ${written} of ${bytes.length} bytes were written.`)
    this.#leastSize = size + BigInt(written)
    this.#appended = true
  }

  /** Returns when everything appended is on the disk. */
  flush(): void {
    this.#disk.flush(this.#open)
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  get #open(): number {
    if (this.#descriptor === undefined) throw new Error('The file is closed.')
    return this.#descriptor
  }

  #endsInLineBreak(size: bigint): boolean {
    const last = Buffer.from('\n')
    if (size > 0n) readSync(this.#open, last, 0, 1, size - 1n)
    return last[0] === 0x0a
  }
}

/**
 * Follows a symbolic link (logs are often linked to another disk), but accepts only a regular file: a pipe or a device
 * keeps nothing. A file that others may read is made private rather than refused, or else a rotation that makes
 * files of a wider mode would stop all work.
 */
function openPrivate(path: string): number {
  // Without O_NONBLOCK, opening a pipe could wait for its other end for ever.
  const { O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
  const descriptor = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile()) throw new Error('It is not a regular file.')
    if (found.mode & 0o077) fchmodSync(descriptor, 0o600)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}
