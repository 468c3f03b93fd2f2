/** What may be shown of an error: its kind and its place in the code. Its message may quote a record or a secret. */
interface ErrorFacts {
  readonly name: string
  /** `ECONNRESET`, where it has one. */
  readonly code: string | undefined
  /** Lines of its stack: `at …`. */
  readonly at: readonly string[]
}

/** The system's code of an error, `ENOENT`; undefined when it has none. Its message could quote a secret. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export function errorFacts(error: Error): ErrorFacts {
  const lines = (error.stack ?? '').replace(error.message, '').split('\n')
  return {
    name: error.name,
    code: errorCode(error),
    at: lines.filter((line) => /^ {4}at /.test(line)).map((line) => line.trim()),
  }
}
