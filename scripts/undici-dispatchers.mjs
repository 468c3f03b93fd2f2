// The build puts this file in the place of undici's index, which loads fetch, WebSocket, caches and more before the
// first request; src/aifi/http.ts uses these three. An import of anything else fails the build.
export { default as Agent } from '../node_modules/undici/lib/dispatcher/agent.js'
export { default as EnvHttpProxyAgent } from '../node_modules/undici/lib/dispatcher/env-http-proxy-agent.js'
export { default as Pool } from '../node_modules/undici/lib/dispatcher/pool.js'
