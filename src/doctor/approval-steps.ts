import { browserCommands, systemBrowser } from '../approval/page/browser.ts'
import { PageServer } from '../approval/page/page-server.ts'
import type { Clock } from '../lib/clock.ts'
import { type Finding, notNeeded, ok, problem, warning } from './check.ts'
import { programPath } from './settings-table.ts'
import type { Situation } from './situation.ts'

/** Whether a browser could be opened for the approval page. None is. */
export function browserFinding(situation: Situation, platform: NodeJS.Platform, clock: Clock): Finding {
  const { approval, browser, env } = situation
  const unused = pageIsUnused(situation)
  if (unused) return notNeeded(unused)
  const missing = approval === 'page' ? problem : warning
  if (browser !== undefined) {
    return browserCommands(browser, platform).some(({ program }) => programPath(program, env))
      ? ok('BROWSER names a program that can be started')
      : missing(
          'BROWSER names no program that is here',
          'Name one by its path or its name in PATH, with arguments and %s for the address if need be.',
        )
  }
  const unavailable = systemBrowser({ command: browser, platform, env, clock }).unavailable()
  if (unavailable === undefined) return ok(screenWords(platform, env))
  const remedy = 'Name a program in BROWSER that shows you the address, set AIFI_APPROVAL_PORT, and forward that port.'
  return missing(
    'this machine has no screen to open one on (no DISPLAY, no WAYLAND_DISPLAY)',
    approval === 'page' ? remedy : `${remedy} Not needed if your host shows forms (MCP elicitation).`,
  )
}

/** Whether the approval page could be served. It is, for a moment, with nothing on it. */
export async function pageFinding(situation: Situation, clock: Clock): Promise<Finding> {
  const unused = pageIsUnused(situation)
  if (unused) return notNeeded(unused)
  const { port, env } = situation
  const page = new PageServer(clock, port ?? 0)
  try {
    await page.start()
    const remote = port === undefined && (env.SSH_CONNECTION || env.REMOTE_CONTAINERS || env.CODESPACES)
    if (remote) {
      return warning(
        'on this machine only, on another port each time; and you seem to be on another one (SSH, container)',
        'Set AIFI_APPROVAL_PORT, and forward that port to where your browser is.',
      )
    }
    return ok(port === undefined ? 'can be served, on any free port of this machine' : `can be served on port ${port}`)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be had (${code})`
    const where = port === undefined ? 'a port of 127.0.0.1' : `port ${port} (AIFI_APPROVAL_PORT)`
    return problem(
      `${where} ${why}`,
      'Choose another port; if it is another copy of this server whose page is open, close that page first.',
    )
  } finally {
    await page.close()
  }
}

function pageIsUnused({ approval, readOnly }: Situation): string | undefined {
  if (readOnly) return 'not used: AIFI_READ_ONLY=true, so nobody is asked'
  return approval === 'auto' || approval === 'page' ? undefined : `not used: AIFI_APPROVAL=${approval}`
}

function screenWords(platform: NodeJS.Platform, env: Situation['env']): string {
  if (platform !== 'linux') return "the system's browser can be opened"
  const sign = ['DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME', 'WSL_INTEROP'].find((name) => env[name])
  return `the system's browser can be opened (${sign} is set)`
}
