// The server under test: `http` with real settings, before an issuer and an AiFi that are played.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

const program = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
const PUBLIC_URL = 'https://conformance.example'

/**
 * Starts it, with an approver's token who may answer what they ask for themselves: so that there are forms.
 * @param {Readonly<Record<string, string>>} [settings]
 */
export async function startServer(settings = {}) {
  const issuer = await startIssuer()
  const aifi = await started(['sandbox', '--port', '0'], {}, (out) => out.includes('AIFI_TOKEN_URL='))
  const access = Object.fromEntries(
    aifi
      .out()
      .split('\n')
      .flatMap((line) => {
        const [, name, value] = /^(AIFI_BASE_URL|AIFI_TOKEN)=(.+)$/.exec(line) ?? []
        return name && value ? [[name, value]] : []
      }),
  )
  const env = {
    ...access,
    AIFI_LISTEN: `127.0.0.1:${await freePort()}`,
    AIFI_OPS_LISTEN: '127.0.0.1:0',
    AIFI_PUBLIC_URL: PUBLIC_URL,
    AIFI_OIDC_ISSUER: issuer.url,
    AIFI_OIDC_CLIENT_ID: 'approvals',
    AIFI_APPROVER_GROUP: 'approvers',
    AIFI_FOUR_EYES: 'false',
    AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
    AIFI_APPROVAL_WAIT_SECONDS: '0',
    ...settings,
  }
  const server = await started(['http'], env, (_, log) => log.includes('serving a team'))
  return {
    address: env.AIFI_LISTEN,
    host: new URL(PUBLIC_URL).host,
    token: issuer.token,
    async close() {
      await Promise.all([server.end(), aifi.end()])
      issuer.close()
    },
  }
}

/** What an issuer says of itself, its key, and a token that it has signed. */
async function startIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }]
  const server = createServer((request, response) => {
    const body = request.url === '/keys' ? { keys } : metadata
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const url = `http://127.0.0.1:${port}`
  const metadata = {
    issuer: url,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/keys`,
  }
  const claims = { name: 'An approver', groups: ['approvers'], scope: 'customers.read customers.write' }
  const token = await new SignJWT({ ...claims, client_id: 'conformance' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(url)
    .setSubject('approver')
    .setAudience(`${PUBLIC_URL}/mcp`)
    .setExpirationTime('1h')
    .sign(privateKey)
  return { url, token, close: () => server.close() }
}

/**
 * A process, once what it wrote says that it is there.
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} env
 * @param {(out: string, log: string) => boolean} isThere
 */
async function started(args, env, isThere) {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env.PATH ?? '', ...env } })
  let out = ''
  let log = ''
  const there = new Promise((resolve, reject) => {
    const look = () => isThere(out, log) && resolve(undefined)
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text
      look()
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      log += text
      look()
    })
    child.on('close', () => reject(new Error(`${args.join(' ')} ended: ${log}`)))
  })
  await there
  return {
    out: () => out,
    async end() {
      const ended = once(child, 'close')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}
