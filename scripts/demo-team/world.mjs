import { randomBytes } from 'node:crypto'
import { StandIn } from '../demo/stand-in.mjs'
import { loadParts, PROGRAM } from '../team/parts.mjs'

/** @import { Parts } from '../team/parts.mjs' */
/** @import { Postgres } from '../../test/helpers/postgres.ts' */
/** @import { TestIssuer } from '../../test/helpers/issuer.ts' */
/** @import { Replica } from '../../test/helpers/replica.ts' */
/** @import { Balancer } from '../../test/helpers/balancer.ts' */

/**
 * All that runs in the demo.
 *
 * @typedef {{ publicUrl: string, ca: string, parts: Parts, standIn: StandIn, postgres: Postgres, issuer: TestIssuer,
 *   replicas: Replica[], balancer: Balancer }} Running
 */

/** Starts the parts, and ends those that were started, whenever it is told to. */
export class World {
  #isEnding = false
  /** @type {(() => Promise<unknown>)[]} */
  #ends = []

  /**
   * @param {(request: import('node:http').IncomingMessage, replica: Replica) => void} onPass
   * @returns {Promise<Running>}
   */
  async start(onPass) {
    // The issuer's library says at length, and as it goes along, that this is no production.
    console.info = console.warn = () => {}
    const parts = await this.#begin(loadParts, async () => undefined)
    const certificate = parts.selfSigned('localhost')
    const balancer = await this.#begin(
      () => parts.Balancer.start({ certificate, onPass }),
      (each) => each.close(),
    )
    const publicUrl = `https://localhost:${balancer.port}`
    const [postgres, issuer, standIn] = await Promise.all([
      this.#begin(parts.startPostgres, (each) => each.stop()),
      this.#begin(
        () => parts.startIssuer({ publicUrl }),
        (each) => each.close(),
      ),
      this.#begin(startStandIn, (each) => each.stop()),
    ])
    const env = {
      ...standIn.settings,
      ...issuer.settings,
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_STORE_URL: postgres.url,
    }
    const replicas = await Promise.all(
      ['A', 'B', 'C'].map(async (name) => {
        const port = await parts.freePort()
        const start = () => parts.Replica.start({ name, program: PROGRAM, env, port })
        const replica = await this.#begin(start, (each) => each.end('SIGTERM'))
        await balancer.add(replica)
        return replica
      }),
    )
    return { publicUrl, ca: certificate.cert, parts, standIn, postgres, issuer, replicas, balancer }
  }

  /** The last first. What is just being started is ended once it runs. */
  async end() {
    this.#isEnding = true
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) await end()
  }

  /**
   * @template Part
   * @param {() => Promise<Part>} start
   * @param {(part: Part) => Promise<unknown>} end
   */
  async #begin(start, end) {
    if (this.#isEnding) throw new Error('The demo is over.')
    const starting = start()
    this.#ends.push(() => starting.then(end, () => undefined))
    return starting
  }
}

async function startStandIn() {
  const standIn = new StandIn(PROGRAM)
  await standIn.ready()
  return standIn
}
