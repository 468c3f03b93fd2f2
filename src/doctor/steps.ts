import type { Clock } from '../lib/clock.ts'
import { type AifiAccess, openAccess } from './aifi-access.ts'
import { browserFinding, pageFinding } from './approval-steps.ts'
import { auditFinding } from './audit-step.ts'
import { type Finding, lacking, type Step } from './check.ts'
import { customersFinding } from './customers-step.ts'
import { certificatesFinding, nodeFinding, proxyFinding, settingsFinding } from './local-steps.ts'
import { addressFinding, type ReachOptions, tlsFinding } from './reach.ts'
import { recordFinding } from './record-step.ts'
import { routeTo } from './route.ts'
import type { Situation } from './situation.ts'
import { fetchedTokenFinding, givenTokenFinding } from './token-step.ts'

export interface StepsOptions {
  readonly situation: Situation
  readonly clock: Clock
  readonly platform: NodeJS.Platform
  readonly nodeVersion: string
  /** A customer that exists. */
  readonly customerId: number | undefined
}

/** Everything that is looked at, in the order of dependence; `close` ends the connections. */
export function createSteps(options: StepsOptions): { steps: Step[]; close: () => Promise<void> } {
  const { situation, clock, platform, nodeVersion } = options
  const { env, auditLog } = situation
  const access = accessOf(situation, clock)
  const steps: Step[] = [
    { name: 'node', run: () => nodeFinding(nodeVersion) },
    { name: 'settings', run: () => settingsFinding(situation) },
    { name: 'proxy', run: () => proxyFinding(situation) },
    { name: 'certificates', run: () => certificatesFinding(env) },
    ...networkSteps(options, access),
    { name: 'browser', run: () => browserFinding(situation, platform, clock) },
    { name: 'approval_page', run: () => pageFinding(situation, clock) },
    { name: 'audit', run: () => auditFinding(auditLog, platform) },
  ]
  return { steps, close: async () => access?.close() }
}

function networkSteps({ situation, clock, customerId }: StepsOptions, access: AifiAccess | undefined): Step[] {
  const { baseUrl, credentials, proxy } = situation
  const network = true
  const to = (url: URL, from: string, signal: AbortSignal): ReachOptions => {
    return { url, route: routeTo(url, proxy ?? {}), from, signal, clock }
  }
  const atAifi = (look: (options: ReachOptions) => Promise<Finding>) => async (signal: AbortSignal) => {
    return baseUrl
      ? look(to(baseUrl, 'AIFI_BASE_URL', signal))
      : lacking('not looked at: AIFI_BASE_URL has to be right first')
  }
  const withAccess = (look: (access: AifiAccess, baseUrl: URL) => Promise<Finding>) => async () => {
    return access && baseUrl ? look(access, baseUrl) : lacking('not looked at: the settings have to be right first')
  }
  return [
    { name: 'address', network, needs: ['proxy', 'certificates'], run: atAifi(addressFinding) },
    { name: 'tls', network, needs: ['address'], run: atAifi(tlsFinding) },
    {
      name: 'token',
      network,
      needs: credentials?.kind === 'client' ? ['proxy', 'certificates'] : [],
      async run(signal) {
        if (!credentials) return lacking('not looked at: the settings have to be right first')
        if (credentials.kind === 'token') return givenTokenFinding(credentials.token.reveal(), clock)
        if (!access) return lacking('not looked at: the proxy has to be right first')
        return fetchedTokenFinding(access, credentials, to(new URL(credentials.tokenUrl), 'AIFI_TOKEN_URL', signal))
      },
    },
    {
      name: 'customers',
      network,
      needs: ['certificates', 'address', 'tls', 'token'],
      run: (signal) => withAccess((opened, url) => customersFinding(opened, url, signal))(),
    },
    {
      name: 'record',
      network,
      needs: ['customers'],
      run: (signal) => withAccess((opened, url) => recordFinding(opened, { baseUrl: url, customerId, signal }))(),
    },
  ]
}

function accessOf({ credentials, proxy, timeoutMs }: Situation, clock: Clock): AifiAccess | undefined {
  if (!credentials || !proxy) return undefined
  try {
    return openAccess(credentials, { proxy, timeoutMs, clock })
  } catch {
    return undefined
  }
}
