import { Hono, type MiddlewareHandler } from 'hono'
import Joi from 'joi'
import type { Clock } from '../lib/clock.ts'
import type { Access } from './access.ts'
import {
  changedCustomer,
  createdCustomer,
  documentedCustomer,
  loginHolds,
  matchesQuery,
  type SandboxCustomer,
} from './customer.ts'
import { customerBody, newCustomerBody } from './customer-body.ts'
import { customerId, customerQuery } from './customer-query.ts'
import { inspectionRoutes } from './inspection.ts'
import { type BodyVariables, jsonBody, parsedOrText, readBody } from './request-body.ts'
import { validated, validationErrorBody } from './validation.ts'

const API_PATH = '/api/admin/v2'
export const TOKEN_PATH = '/realms/aifi/protocol/openid-connect/token'

/** A request as it arrived. */
export interface SandboxRequest {
  method: string
  /** With the query, if there is one. */
  path: string
  /** Parsed when it is JSON, otherwise the text; `undefined` when there is none. */
  body: unknown
}

export interface ApiParts {
  customers: Map<number, SandboxCustomer>
  access: Access
  clock: Pick<Clock, 'now'>
  /** Whether the undocumented `GET /customers/{customerId}` exists. */
  getById: boolean
  onRequest: (request: SandboxRequest) => void
}

type Environment = { Variables: BodyVariables }

/** The whole stand-in as one HTTP application: token endpoint and customers, and a look behind them (`/sandbox/`). */
export function createApi(parts: ApiParts) {
  const { access, customers, onRequest } = parts
  const requestCounts = new Map<string, number>()
  const app = new Hono<Environment>()

  app.use(readBody)
  app.use((c, next) => {
    const { pathname, search } = new URL(c.req.url)
    onRequest({ method: c.req.method, path: pathname + search, body: parsedOrText(c.get('bodyText')) })
    return next()
  })

  app.post(TOKEN_PATH, (c) => {
    const { status, body } = access.answerTokenRequest(new URLSearchParams(c.get('bodyText')))
    return c.json(body, status, { 'Cache-Control': 'no-store' })
  })

  const admitted: MiddlewareHandler<Environment> = async (c, next) => {
    return access.admits(c.req.header('Authorization')) ? next() : c.body(null, 401)
  }
  app.use(`${API_PATH}/*`, (c, next) => {
    requestCounts.set(c.req.method, (requestCounts.get(c.req.method) ?? 0) + 1)
    return next()
  })
  app.use(`${API_PATH}/*`, admitted)
  app.route(`${API_PATH}/customers`, customerRoutes(parts))

  app.use('/sandbox/*', admitted)
  app.route('/sandbox', inspectionRoutes({ customers, requestCounts }))

  app.notFound((c) => c.body(null, 404))
  app.onError((error, c) => {
    if (Joi.isError(error)) return c.json(validationErrorBody(error), 422)
    throw error
  })
  return app
}

function customerRoutes({ customers, clock, getById }: ApiParts) {
  const routes = new Hono<Environment>()

  routes.get('/', (c) => {
    // A parameter given twice stays a list, which no filter accepts.
    const parameters = Object.entries(c.req.queries()).map(([name, [first, ...more]]) => [
      name,
      more.length ? [first, ...more] : first,
    ])
    const query = validated(customerQuery, Object.fromEntries(parameters))
    return c.json([...customers.values()].filter((customer) => matchesQuery(customer, query)).map(documentedCustomer))
  })

  routes.post('/', (c) => {
    const body = validated(newCustomerBody, jsonBody(c))
    const customer = createdCustomer(Math.max(...customers.keys()) + 1, body, new Date(clock.now()))
    customers.set(customer.id, customer)
    return c.json(documentedCustomer(customer), 201)
  })

  if (getById) {
    routes.get('/:customerId', (c) => {
      const customer = customers.get(validated(customerId, c.req.param('customerId')))
      return customer ? c.json(documentedCustomer(customer)) : c.body(null, 404)
    })
  }

  routes.patch('/:customerId', (c) => {
    const id = validated(customerId, c.req.param('customerId'))
    const body = validated(customerBody, jsonBody(c))
    const customer = customers.get(id)
    if (!customer) return c.body(null, 404)
    // Seen in independent clients, not in AiFi's pages.
    if (!loginHolds(customer, body)) return c.json({ message: 'Login failed', type: 'E_CUSTOMER_LOGIN_FAIL' }, 401)
    const changed = changedCustomer(customer, body, new Date(clock.now()))
    customers.set(id, changed)
    return c.json(documentedCustomer(changed))
  })

  return routes
}
