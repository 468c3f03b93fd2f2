// The build puts this file in the place of undici's index, which also loads fetch, WebSocket, caches and mocks, for
// 60 ms before the first request. src/aifi/http.ts uses these four (src/doctor/certificate.ts one of them); an import of
// anything else fails the build, and test/aifi/company-network.integration.test.ts sends requests through each in the built program.
import connect from '../node_modules/undici/lib/api/api-connect.js'
import buildConnector from '../node_modules/undici/lib/core/connect.js'
import Agent from '../node_modules/undici/lib/dispatcher/agent.js'
import Dispatcher from '../node_modules/undici/lib/dispatcher/dispatcher.js'
import EnvHttpProxyAgent from '../node_modules/undici/lib/dispatcher/env-http-proxy-agent.js'
import Pool from '../node_modules/undici/lib/dispatcher/pool.js'

// As undici's index does: its proxies connect with it.
Object.assign(Dispatcher.prototype, { connect })

export { Agent, buildConnector, EnvHttpProxyAgent, Pool }
