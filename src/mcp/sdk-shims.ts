import type { jsonSchemaValidator } from '@modelcontextprotocol/server'

// The SDK's own stdio transport reads its streams from here; ours is given them.
export { default as process } from 'node:process'

/**
 * The build puts this file in the place of the SDK's `_shims` entry, which brings a JSON Schema validator that takes
 * longer to load than all of this server and would never be used: our own zod schemas check arguments
 * (src/tools/arguments.ts) and what a form answers (src/approval/channels/form.ts). The SDK would use it for
 * `fromJsonSchema` and `elicitInput` only. test/mcp/left-out.integration.test.ts holds the built program to that.
 */
export class DefaultJsonSchemaValidator implements jsonSchemaValidator {
  getValidator(): never {
    throw new Error('The build leaves the JSON Schema validator of the SDK out (src/mcp/sdk-shims.ts).')
  }
}
