import { Hono, type MiddlewareHandler } from 'hono'
import Joi from 'joi'
import { readBody } from '../lib/body.ts'
import { readJson } from '../lib/json.ts'
import type { Access } from './access.ts'
import { changedCustomer, documentedCustomer, loginHolds, matchesQuery, type SandboxCustomer } from './customers.ts'
import { customerBody, customerId, customerQuery, validated, validationErrorBody } from './schema.ts'

const API_PATH = '/api/admin/v2'
export const TOKEN_PATH = '/realms/aifi/protocol/openid-connect/token'
/** Far more than any customer needs. */
const BODY_LIMIT_BYTES = 1_000_000

/** A request as it arrived. */
export interface SandboxRequest {
  method: string
  /** With the query, if there is one. */
  path: string
  /** Parsed when it is JSON, otherwise the text; `undefined` when there is none. */
  body: unknown
}

interface ApiParts {
  customers: Map<number, SandboxCustomer>
  access: Access
  /** Whether the undocumented `GET /customers/{customerId}` exists. */
  getById: boolean
  onRequest: (request: SandboxRequest) => void
}

/** `bodyText` is the request's body, `''` when there is none. */
type Environment = { Variables: { bodyText: string } }

/** The whole stand-in as one HTTP application: token endpoint and customers, and a look behind them (`/sandbox/`). */
export function createApi(parts: ApiParts) {
  const { access, customers, onRequest } = parts
  const requestCounts = new Map<string, number>()
  const app = new Hono<Environment>()

  app.use(keepBody)
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
  app.route('/sandbox', inspectionRoutes(customers, requestCounts))

  app.notFound((c) => c.body(null, 404))
  app.onError((error, c) => {
    if (Joi.isError(error)) return c.json(validationErrorBody(error), 422)
    throw error
  })
  return app
}

function customerRoutes({ customers, getById }: ApiParts) {
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

  if (getById) {
    routes.get('/:customerId', (c) => {
      const customer = customers.get(validated(customerId, c.req.param('customerId')))
      return customer ? c.json(documentedCustomer(customer)) : c.body(null, 404)
    })
  }

  routes.patch('/:customerId', (c) => {
    const id = validated(customerId, c.req.param('customerId'))
    const text = c.get('bodyText')
    // A body that is not declared as JSON or does not parse stays text, which no schema accepts.
    const isJson = /^application\/json *(;|$)/i.test(c.req.header('Content-Type') ?? '')
    const body = validated(customerBody, isJson ? parsedOrText(text) : text)
    const customer = customers.get(id)
    if (!customer) return c.body(null, 404)
    // Seen in independent clients, not in AiFi's pages.
    if (!loginHolds(customer, body)) return c.json({ message: 'Login failed', type: 'E_CUSTOMER_LOGIN_FAIL' }, 401)
    const changed = changedCustomer(customer, body)
    customers.set(id, changed)
    return c.json(documentedCustomer(changed))
  })

  return routes
}

/**
 * Not AiFi's: a look behind its answers, for whoever tries the sandbox out. AiFi has nothing under `/sandbox/`.
 *
 * - `GET /sandbox/customers/{customerId}`: the customer with what AiFi never shows: `blocked`, `card`, `passwordIsSet`.
 * - `GET /sandbox/requests`: how many requests came to the Admin API, by method.
 */
function inspectionRoutes(customers: ReadonlyMap<number, SandboxCustomer>, requestCounts: ReadonlyMap<string, number>) {
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

/**
 * Reads the body once; beyond the limit the answer is 413.
 * Hono's own `bodyLimit` fails on a chunked body unless the global `Request` is replaced, which is not ours to do.
 */
const keepBody: MiddlewareHandler<Environment> = async (c, next) => {
  const body = await readBody(c.req.raw, BODY_LIMIT_BYTES)
  if (!body) return c.body(null, 413)
  c.set('bodyText', body.toString())
  return next()
}

/** What the text says when it is JSON, otherwise the text; `undefined` when it is empty. */
function parsedOrText(text: string): unknown {
  const value = readJson(text)
  return value === undefined && text !== '' ? text : value
}
