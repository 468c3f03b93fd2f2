import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/build.ts'],
    // More than there are cores: much of the time goes into waiting for processes, a browser, and time itself.
    maxWorkers: availableParallelism() + 1,
    // What a file has loaded serves the next one too: no test changes anything that outlives it.
    isolate: false,
    // Only for what hangs: no test is decided by how busy the machine is.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 10 } },
  },
})
