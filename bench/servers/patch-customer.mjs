import process from 'node:process'
import { Agent } from 'undici'
import { barePatch } from '../bare-requests.mjs'

const agent = new Agent()

/**
 * The tool of the minimal servers: a bare PATCH and its answer as text, without a check of anything.
 *
 * @param {{ customerId: number, firstName?: string | undefined }} args
 */
export async function patchCustomer({ customerId, ...body }) {
  const text = await barePatch(agent, `${process.env.AIFI_BASE_URL}/api/admin/v2/customers/${customerId}`, body)
  return { content: [{ type: /** @type {const} */ ('text'), text }] }
}
