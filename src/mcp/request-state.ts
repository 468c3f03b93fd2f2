import { createRequestStateCodec, type ServerContext } from '@modelcontextprotocol/server'

/**
 * What a question leaves with the client and gets back with its answer (MCP 2026-07-28, multi-round-trip
 * `requestState`): signed, so that it cannot be made up or altered. It is no secret and proves nothing alone: the
 * question it names must be open, in this round and asked this way, and for the very same arguments.
 */
export type RequestState = ({ readonly valid: true } & Left) | { readonly valid: false }

type Left = {
  readonly changeId: string
  readonly round: number
  /** Of the rung that asked. */
  readonly handle: string
}

/** The question's own clock decides when it lapses; the signature only has to outlive it. */
const SIGNATURE_LIFETIME_SECONDS = 86_400

export interface RequestStates {
  seal(state: Left): Promise<string>
  /** For `ServerOptions.requestState.verify`: a verdict, never a throw, so that our own envelope is the answer. */
  verify(sealed: string, ctx: ServerContext): Promise<RequestState>
}

/** @param keys 32 bytes each, shared by all who may get the answer; the first signs, all of them verify. */
export function createRequestStates(keys: readonly Uint8Array[]): RequestStates {
  const codecs = keys.map((key) => createRequestStateCodec<Left>({ key, ttlSeconds: SIGNATURE_LIFETIME_SECONDS }))
  const [newest] = codecs
  if (!newest) throw new RangeError('There is no key to sign with.')
  let latest: Promise<unknown> = Promise.resolve()
  return {
    seal: (state) => newest.mint(state),
    verify(sealed, ctx) {
      // One after the other: of two answers to one question the one that came first counts.
      const verdict = latest
        .then(() => Promise.any(codecs.map((codec) => codec.verify(sealed, ctx))))
        .then(
          (state): RequestState => ({ valid: true, ...state }),
          (): RequestState => ({ valid: false }),
        )
      latest = verdict
      return verdict
    },
  }
}
