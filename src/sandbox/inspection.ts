import { Hono } from 'hono'
import { documentedCustomer, type SandboxCustomer } from './customer.ts'
import { customerId } from './customer-query.ts'
import { validated } from './validation.ts'

export interface InspectionParts {
  readonly customers: ReadonlyMap<number, SandboxCustomer>
  /** How many requests came to the Admin API so far, by method. */
  readonly requestCounts: ReadonlyMap<string, number>
}

/**
 * Not AiFi's: a look behind its answers, for whoever tries the sandbox out. AiFi has nothing under `/sandbox/`.
 *
 * - `GET /sandbox/customers/{customerId}`: the customer with what AiFi never shows: `blocked`, `card`, `passwordIsSet`.
 * - `GET /sandbox/requests`: how many requests came to the Admin API, by method.
 */
export function inspectionRoutes({ customers, requestCounts }: InspectionParts) {
  const routes = new Hono()

  routes.get('/customers/:customerId', (c) => {
    const customer = customers.get(validated(customerId, c.req.param('customerId')))
    if (!customer) return c.body(null, 404)
    const { blocked, card, password } = customer
    return c.json({ ...documentedCustomer(customer), blocked, card, passwordIsSet: password !== null })
  })

  routes.get('/requests', (c) => c.json(Object.fromEntries(requestCounts)))

  return routes
}
