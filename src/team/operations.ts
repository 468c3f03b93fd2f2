import { Hono } from 'hono'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Aifi } from '../aifi/port.ts'
import type { ToolCall } from '../mcp/define-tool.ts'

export interface OperationsDeps {
  /** What has to work before a call can be taken, by name. Each rejects, or resolves with false, when it does not. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>
  readonly draining: AbortSignal
  readonly metrics: Metrics
}

/** How long a check may take, milliseconds. */
const CHECK_MS = 3_000

/** What only the operator reaches: health, readiness and metrics, on a port of their own. */
export function createOperations({ checks, draining, metrics }: OperationsDeps): Hono {
  const app = new Hono()
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', async (c) => {
    const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await passes(check)]))
    const isReady = !draining.aborted && results.every(([, ok]) => ok)
    return c.json({ ready: isReady, draining: draining.aborted, ...Object.fromEntries(results) }, isReady ? 200 : 503)
  })
  app.get('/metrics', async (c) => c.text(await metrics.text(), 200, { 'Content-Type': metrics.contentType }))
  return app
}

async function passes(check: () => Promise<unknown>): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(resolve, CHECK_MS, false).unref())
  return Promise.race([check().then((result) => result !== false), late]).catch(() => false)
}

/** Counts; no number in here belongs to a customer, and no label is a text that somebody else chose. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #calls = new Histogram({
    name: 'aifi_customer_mcp_call_seconds',
    help: 'Calls of the tools, by their outcome; a call may wait for a person',
    labelNames: ['tool', 'status'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.#registry],
  })
  readonly #answers = new Counter({
    name: 'aifi_customer_mcp_http_answers_total',
    help: 'Answers of /mcp, by HTTP status',
    labelNames: ['code'],
    registers: [this.#registry],
  })
  readonly #exchanges = new Counter({
    name: 'aifi_customer_mcp_aifi_exchanges_total',
    help: 'Exchanges with AiFi, by operation and by how they ended',
    labelNames: ['operation', 'outcome'],
    registers: [this.#registry],
  })

  /** @param waiting how many questions wait for their answer. */
  constructor(waiting: () => Promise<number>) {
    collectDefaultMetrics({ register: this.#registry })
    new Gauge({
      name: 'aifi_customer_mcp_open_questions',
      help: 'Questions that wait for a person',
      registers: [this.#registry],
      async collect() {
        this.set(await waiting())
      },
    })
  }

  readonly onCall = ({ tool, status, ms }: ToolCall) => this.#calls.observe({ tool, status }, ms / 1000)
  readonly onMcp = (code: number) => this.#answers.inc({ code: String(code) })

  /** The same AiFi, counted. */
  counted(aifi: Aifi): Aifi {
    const count = async <Result extends { kind: string }>(operation: string, result: Promise<Result>) => {
      const { kind } = await result
      this.#exchanges.inc({ operation, outcome: kind })
      return result
    }
    return {
      address: aifi.address,
      readCustomer: (...args) => count('read', aifi.readCustomer(...args)),
      listCustomers: (...args) => count('list', aifi.listCustomers(...args)),
      updateCustomer: (...args) => count('update', aifi.updateCustomer(...args)),
      close: () => aifi.close(),
    }
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }
}
