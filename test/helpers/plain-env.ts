import process from 'node:process'

/** Of the tests' own environment, what a program cannot do without. */
export const plainEnv: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    /^(path|home|tmpdir|temp|systemroot)$/i.test(name) && value !== undefined ? [[name, value]] : [],
  ),
)
