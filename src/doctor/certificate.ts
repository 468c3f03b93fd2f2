import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { harmless } from '../lib/text.ts'
import { type Finding, problem } from './check.ts'
import { trustRemedy } from './local-steps.ts'
import { moment } from './moments.ts'

/** A chain longer than this is not followed. */
const CHAIN_LIMIT = 10

/** Why a certificate is not accepted: `code` as Node names it. What is in the certificate is somebody else's text. */
export function certificateProblem(
  code: string,
  certificate: DetailedPeerCertificate,
  hostname: string,
  now: number,
): Finding {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = harmless(certificate.subjectaltname?.replaceAll('DNS:', '') ?? nameOf(certificate.subject), 120)
    return problem(
      `the certificate is not for ${hostname} but for ${names}; issued by ${issuerOf(certificate)}`,
      'Check the host name in the address. If it is right, something on the way answers in its place.',
    )
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const span = `${harmless(certificate.valid_from, 40)} to ${harmless(certificate.valid_to, 40)}`
    return problem(
      `the certificate issued by ${issuerOf(certificate)} is valid from ${span}, and by this computer's clock it is ${moment(now)} (${code})`,
      'Check the clock of this computer. If it is right, whoever runs the server has to renew the certificate.',
    )
  }
  return problem(
    `the certificate is issued by ${issuerOf(certificate)}, which this computer does not trust (${code})`,
    trustRemedy(),
  )
}

/** Who issued it, and, where the server says so, on whose authority: `“Inspection CA 2” (Example Corp), under “Example Root”`. */
export function issuerOf(certificate: DetailedPeerCertificate): string {
  const issuer = nameOf(certificate.issuer)
  let top = certificate
  for (let depth = 0; depth < CHAIN_LIMIT && top.issuerCertificate && top.issuerCertificate !== top; depth++) {
    top = top.issuerCertificate
  }
  const root = nameOf(top.issuer)
  return root === issuer ? issuer : `${issuer}, under ${root}`
}

function nameOf(name: PeerCertificate['issuer'] | undefined): string {
  const [common, organisation] = [name?.CN, name?.O].map((text) => harmless([text ?? ''].flat().join(' '), 60))
  if (common && organisation) return `“${common}” (${organisation})`
  return common || organisation ? `“${common || organisation}”` : 'nobody that it names'
}
