/**
 * A line for stderr about an error that nobody caught. Its kind and place in the code, but not its message, which may
 * quote a customer record or a secret.
 */
export function crashLine(what: string, error: unknown): string {
  return `aifi-customer-mcp: ${what}: ${kindAndPlace(error)}\n`
}

function kindAndPlace(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`
  const code = 'code' in error ? ` ${String(error.code)}` : ''
  const stack = error.stack?.replace(error.message, '') ?? ''
  const places = stack.split('\n').filter((line) => /^ {4}at /.test(line))
  return [error.name + code, ...places.map((line) => line.trim())].join(' ')
}
