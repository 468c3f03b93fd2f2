import { randomBytes } from 'node:crypto'
import { createRequestStateCodec, type ServerContext } from '@modelcontextprotocol/server'

/**
 * What a question leaves with the client and gets back with its answer (MCP 2026-07-28, multi-round-trip
 * `requestState`): signed with a key of this process, so that it cannot be made up or altered. It is no secret and
 * proves nothing alone: the approval it names must be open, unanswered, and for the very same arguments.
 */
export type RequestState = { valid: true; approvalId: string; channel: 'form' | 'url' } | { valid: false }

/** The approval's own two clocks decide when it lapses; the signature only has to outlive it. */
const SIGNATURE_LIFETIME_SECONDS = 86_400

export interface RequestStates {
  seal(state: { approvalId: string; channel: 'form' | 'url' }): Promise<string>
  /** For `ServerOptions.requestState.verify`: a verdict, never a throw, so that our own envelope is the answer. */
  verify(sealed: string, ctx: ServerContext): Promise<RequestState>
}

/** Made once per process. */
export function createRequestStates(): RequestStates {
  const codec = createRequestStateCodec<{ approvalId: string; channel: 'form' | 'url' }>({
    key: randomBytes(32),
    ttlSeconds: SIGNATURE_LIFETIME_SECONDS,
  })
  let latest: Promise<unknown> = Promise.resolve()
  return {
    seal: (state) => codec.mint(state),
    verify(sealed, ctx) {
      // One after the other: of two answers to one question the one that came first counts.
      const verdict = latest
        .then(() => codec.verify(sealed, ctx))
        .then(
          (state): RequestState => ({ valid: true, ...state }),
          (): RequestState => ({ valid: false }),
        )
      latest = verdict
      return verdict
    },
  }
}
