import type { ChildProcess } from 'node:child_process'
import { statSync } from 'node:fs'
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
  /** The `BROWSER` variable, see {@link browserCommands}. */
  readonly command: string | undefined
  readonly platform: NodeJS.Platform
  /** The environment for the program, the settings of this server not in it. */
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
}

/** What `BROWSER` names, one after the other, and then the system's browser. Nothing goes through a shell. */
export function systemBrowser({ command = '', platform, env, clock }: BrowserOptions): Browser {
  const hasScreen = platform !== 'linux' || env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME || env.WSL_INTEROP
  const commands = browserCommands(command, platform)
  const launchers = commands.map(({ program, args }) => async (address: string) => {
    const filledIn = args.map((arg) => arg.replaceAll('%s', () => address))
    const { spawn } = await import('node:child_process')
    return spawn(program, filledIn, { stdio: 'ignore', detached: true, env })
  })
  if (hasScreen || commands.length === 0) launchers.push(openDefaultBrowser)
  return {
    unavailable() {
      return commands.length > 0 || hasScreen ? undefined : 'This machine has no screen to open a browser on.'
    },
    async open(address) {
      for (const launch of launchers) {
        const opened = await launch(address).then(
          (child) => launched(child, clock),
          () => false,
        )
        if (opened) return true
      }
      return false
    },
  }
}

interface BrowserCommand {
  /** Its path, or its name in `PATH`. */
  readonly program: string
  /** `%s` stands for the address, which is in at least one of them. */
  readonly args: readonly string[]
}

/**
 * The commands in `BROWSER`, as Python and xdg-utils read it: joined by `:` (`;` on Windows), with arguments, and the
 * address in the place of `%s` or at the end. Quotes hold together what has spaces. A path of a program counts as that,
 * whatever is in it.
 */
export function browserCommands(text: string, platform: NodeJS.Platform): BrowserCommand[] {
  if (isFile(text)) return [{ program: text, args: ['%s'] }]
  const separator = platform === 'win32' ? ';' : ':'
  return text.split(separator).flatMap((command) => {
    const words = command.match(/("[^"]*"|'[^']*'|\S)+/g) ?? []
    const [program, ...args] = words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'))
    if (program === undefined) return []
    return { program, args: args.some((arg) => arg.includes('%s')) ? args : [...args, '%s'] }
  })
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

async function openDefaultBrowser(address: string): Promise<ChildProcess> {
  const { default: open } = await import('open')
  return open(address, { wait: false })
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
