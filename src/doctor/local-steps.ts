import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import type { Environment } from '../config/settings-reader.ts'
import { type Finding, notNeeded, ok, problem, warning } from './check.ts'
import { type Route, routeTo } from './route.ts'
import type { Situation } from './situation.ts'

export function nodeFinding(version: string): Finding {
  return ok(`${version} (20.18.1 or newer is needed)`)
}

export function settingsFinding({ problems, warnings, approval }: Situation): Finding {
  if (problems.length > 0) {
    const remedy = 'Correct that where the host sets the environment of this server (“env” in its configuration).'
    return problem(problems.join('\n'), remedy)
  }
  if (approval === 'dangerously-skip') {
    const found = ['AIFI_APPROVAL=dangerously-skip: sensitive changes are made without asking anybody.', ...warnings]
    return warning(found.join('\n'), 'Remove AIFI_APPROVAL, unless nobody but you can reach what this server changes.')
  }
  if (warnings.length > 0) return warning(warnings.join('\n'), 'Correct or remove them.')
  return ok('nothing wrong with them')
}

export function proxyFinding({ proxy, baseUrl }: Situation): Finding {
  if (!proxy) {
    const found = 'HTTPS_PROXY or HTTP_PROXY is no address of a proxy'
    return problem(found, 'Set it to http://host:port, or to http://user:password@host:port.')
  }
  if (!baseUrl) return notNeeded('not looked at: without AIFI_BASE_URL there is nowhere to go')
  const route = routeTo(baseUrl, proxy)
  return ok(routeWords(route, baseUrl))
}

function routeWords(route: Route, { hostname }: URL): string {
  if (route.kind === 'proxy') return `${hostname} is reached through ${route.proxy.protocol}//${route.proxy.host}`
  return route.excepted ? `one is set, and NO_PROXY (or being on this machine) excepts ${hostname}` : 'none is set'
}

/** What Node trusts besides its own list. It is read when Node starts, so the environment says what is in effect. */
export function certificatesFinding(env: Environment): Finding {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED?.trim() === '0') {
    const remedy = 'Remove it, and name the CA of your company in NODE_EXTRA_CA_CERTS instead.'
    return problem('NODE_TLS_REJECT_UNAUTHORIZED=0: no certificate would be checked', remedy)
  }
  const path = env.NODE_EXTRA_CA_CERTS
  const store = usesSystemStore(env) ? " and the system's store" : ''
  if (!path) return ok(`Node's own list of authorities${store}`)
  try {
    const count = readFileSync(path, 'utf8').split('-----BEGIN CERTIFICATE-----').length - 1
    if (count > 0) return ok(`Node's own list of authorities${store}, and ${count} from NODE_EXTRA_CA_CERTS`)
    return warning(
      'the file that NODE_EXTRA_CA_CERTS names has no certificate in it',
      'It has to be in PEM form, with the line “-----BEGIN CERTIFICATE-----”.',
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return warning(
      `the file that NODE_EXTRA_CA_CERTS names cannot be read${code}, and Node ignores it`,
      'Correct the path (a full one: a relative one depends on where the host starts the server), or remove it.',
    )
  }
}

/** What to do about a certificate of a company's own authority, in the words that hold for the running Node. */
export function trustRemedy(): string {
  const file = 'save its root certificate as a PEM file and name that file in NODE_EXTRA_CA_CERTS'
  const store = hasSystemStore()
    ? 'or, if this computer trusts it already, set NODE_OPTIONS=--use-system-ca'
    : "(Node 22.15 and newer can also use the system's store: NODE_OPTIONS=--use-system-ca)"
  return `If that is your company's authority: ${file}, ${store}. Otherwise somebody is in between: ask your network people.`
}

/** `--use-system-ca` came with this function: 22.15 and 23.10 (23.8 had the option alone, and is long out of support). */
function hasSystemStore(): boolean {
  return 'getCACertificates' in tls
}

function usesSystemStore(env: Environment): boolean {
  return hasSystemStore() && env.NODE_OPTIONS?.includes('--use-system-ca') === true
}
