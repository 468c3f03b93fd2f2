/** Version 00 (W3C Trace Context, section 3.2): whatever is written otherwise is no traceparent, and is ignored. */
const TRACEPARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}$/

/** A place in a distributed trace, as a caller names it; undefined when it does not, or not as it has to. */
export function readTraceparent(value: unknown): string | undefined {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined
}

/** By which logs and the audit are found again, as a member to be spread; nothing without a trace. */
export function traceIdOf({ traceparent }: { readonly traceparent?: string | undefined }): { traceId?: string } {
  const [, traceId] = TRACEPARENT.exec(traceparent ?? '') ?? []
  return traceId === undefined ? {} : { traceId }
}
