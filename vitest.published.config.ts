import { defineConfig } from 'vitest/config'
import common from './vitest.config.ts'

/** The tests of the whole process, with what is published in the place of the built file. */
const project = (name: string) => ({
  test: {
    ...common.test,
    name,
    include: ['test/cli/process.integration.test.ts', 'test/mcp/stdio.integration.test.ts'],
    globalSetup: ['test/helpers/build.ts', 'test/helpers/publish.ts'],
  },
})

export default defineConfig({ test: { projects: [project('package'), project('bundle')] } })
