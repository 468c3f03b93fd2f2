import { readFileSync } from 'node:fs'
import { isIPv4, type Socket } from 'node:net'
import { endianness } from 'node:os'

/** What Linux knows of every TCP socket: addresses as hexadecimal words of the machine, the owner's uid, the inode. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Whether the program at the other end of a loopback connection runs as another user of this machine, who could have
 * read the page's address in the command line of a browser's launcher. Root can do anything anyway. Where the system
 * does not tell (macOS, Windows), nobody is taken for another user.
 */
export function isOtherUser({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  const own = process.getuid?.()
  if (process.platform !== 'linux' || own === undefined) return false
  const tables = TABLES.map(textOf).filter((text) => text !== undefined)
  if (tables.length === 0) return false
  // As the other end has it, our remote address is the local one.
  const ends = [hexEnd(remoteAddress, remotePort), hexEnd(localAddress, localPort)]
  const uid = ends.every((end) => end !== undefined) ? ownerOf(tables.join('\n'), ends) : undefined
  return uid !== own && uid !== 0
}

/** Undefined when there is no such socket, or none that a process still holds: those are listed under uid 0. */
function ownerOf(table: string, [local = '', remote = '']: readonly string[]): number | undefined {
  for (const line of table.split('\n')) {
    const [, here, there, , , , , uid, , inode] = line.trim().split(/\s+/)
    if (here?.endsWith(local) && there?.endsWith(remote) && inode !== '0') return Number(uid)
  }
  return undefined
}

/** `0100007F:1F90`; in the table of IPv6 an address of IPv4 ends the same way. */
function hexEnd(address: string | undefined, port: number | undefined): string | undefined {
  const ipv4 = address?.replace(/^::ffff:/i, '')
  if (!ipv4 || !isIPv4(ipv4) || port === undefined) return undefined
  const bytes = Buffer.from(ipv4.split('.').map(Number))
  if (endianness() === 'LE') bytes.reverse()
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
