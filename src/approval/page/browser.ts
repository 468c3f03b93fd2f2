import type { ChildProcess } from 'node:child_process'
import { type Clock, sleep } from '../../lib/clock.ts'

/** A launcher that still runs after this long has opened something, milliseconds. */
const LAUNCH_MS = 2_000

/** The person's own browser, on this machine. */
export interface Browser {
  /** Why no browser can be opened here, as a sentence; undefined when one may be. */
  unavailable(): string | undefined
  /** Opens the address. True when a launcher took it; whether somebody looks is another matter. */
  open(address: string): Promise<boolean>
}

export interface BrowserOptions {
  /** The `BROWSER` variable: one program, which gets the address as its only argument. */
  readonly command: string | undefined
  readonly platform: NodeJS.Platform
  /** The environment for the program, the settings of this server not in it. */
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
}

/** The system's browser, or the one that `BROWSER` names. Nothing goes through a shell. */
export function systemBrowser({ command, platform, env, clock }: BrowserOptions): Browser {
  const hasScreen = platform !== 'linux' || env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME || env.WSL_INTEROP
  return {
    unavailable() {
      return command || hasScreen ? undefined : 'This machine has no screen to open a browser on.'
    },
    async open(address) {
      try {
        const { openDefaultBrowser, openWith } = await import('./launcher.ts')
        const launcher = command ? openWith(command, address, env) : await openDefaultBrowser(address)
        return await launched(launcher, clock)
      } catch {
        return false
      }
    },
  }
}

async function launched(child: ChildProcess, clock: Clock): Promise<boolean> {
  child.unref()
  const ended = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
  })
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode === 0
  return Promise.race([ended, sleep(clock, LAUNCH_MS).then(() => true)])
}
