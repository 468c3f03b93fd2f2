import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Fault, fault } from './fault.ts'
import { type Certificate, type FaultServer, startFaultServer } from './fault-server.ts'

export const AUTHORITY = 'Example Corp Inspection CA'
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority that nobody trusts until its file is named; of a company, say. */
export interface Authority {
  /** Its own certificate, as a file to name in `NODE_EXTRA_CA_CERTS`. */
  readonly file: string
  /** A certificate for these host names and IP addresses. */
  issue(names: readonly string[]): Certificate
  /** Removes its files. */
  remove(): void
}

/** Undefined where there is no `openssl` to make one. */
export function createAuthority(name = AUTHORITY): Authority | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'))
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const subject = ['-subj', `/O=Example Corp/CN=${name}`]
  try {
    openssl('req', '-x509', ...EC, '-days', '2', ...subject, '-keyout', at('ca.key'), '-out', at('ca.pem'))
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  return {
    file: at('ca.pem'),
    issue(names) {
      const kinds = names.map((each) => `${/^[\d.]+$|:/.test(each) ? 'IP' : 'DNS'}:${each}`)
      writeFileSync(at('names'), `subjectAltName=${kinds.join(',')}`)
      openssl('req', ...EC, '-subj', `/CN=${names[0]}`, '-keyout', at('key'), '-out', at('request'))
      const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')]
      openssl('x509', '-req', '-in', at('request'), ...signing, '-days', '2', '-out', at('cert'))
      return { key: readFileSync(at('key'), 'utf8'), cert: readFileSync(at('cert'), 'utf8') }
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** A server that ends with the test. */
export async function server(options?: Parameters<typeof startFaultServer>[0]): Promise<FaultServer> {
  const started = await startFaultServer(options)
  onTestFinished(() => started.close())
  return started
}

/** An AiFi that accepts every change, and gives out tokens. */
export async function aifiServer(tls?: Certificate): Promise<FaultServer> {
  const aifi = await server(tls && { tls })
  respondAsAifi(aifi)
  return aifi
}

export function respondAsAifi(aifi: FaultServer): void {
  aifi.always('GET', ({ path }) => (path.includes('?') ? fault.answer(200, []) : fault.answer(200, { id: 4211 })))
  aifi.always('PATCH', fault.answer(200, { id: 4211 }))
  aifi.always('POST', fault.answer(200, { access_token: 'fetched', token_type: 'Bearer', expires_in: 300 }))
}

/** A proxy that leads to these servers, whatever the host that is asked for; the name is resolved by nobody. */
export async function companyProxy(
  hosts: Readonly<Record<string, FaultServer>>,
  tls?: Certificate,
  host?: string,
): Promise<FaultServer> {
  const proxy = await server({ ...(tls && { tls }), ...(host && { host }) })
  proxy.always('CONNECT', ({ path }) => {
    const target = hosts[path]
    return target ? tunnelTo(target) : fault.answer(502)
  })
  return proxy
}

function tunnelTo(target: FaultServer): Fault {
  return {
    after: 'headers',
    act({ socket }) {
      const far = connect(portOf(target), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        socket.pipe(far).pipe(socket)
      })
      far.on('error', () => socket.destroy())
      socket.on('error', () => far.destroy()).on('close', () => far.destroy())
    },
  }
}

export function portOf({ url }: FaultServer): number {
  return Number(new URL(url).port)
}
