import {
  anyText,
  approverGroup,
  filePath,
  httpsAddress,
  listenAddress,
  oneOf,
  publicAddress,
  secretKeys,
  secretText,
  storeAddress,
  trueOrFalse,
  webhook,
  wholeNumber,
} from './setting-kinds.ts'
import { row, type Setting } from './setting-row.ts'

/** What only a team's server (`http`) reads, by the name the code uses. */
export const httpSetting = {
  publicUrl: row(
    'AIFI_PUBLIC_URL',
    'address at which callers and browsers reach this server',
    publicAddress,
    'required',
  ),
  listen: row('AIFI_LISTEN', 'where it listens', listenAddress, '127.0.0.1:8080'),
  opsListen: row('AIFI_OPS_LISTEN', 'where health and metrics are', listenAddress, '127.0.0.1:9464'),
  issuer: row('AIFI_OIDC_ISSUER', 'issuer of the callers’ tokens, where approvers sign in', httpsAddress, 'required'),
  clientId: row('AIFI_OIDC_CLIENT_ID', 'client with which approvers sign in', anyText, 'required'),
  clientSecret: row('AIFI_OIDC_CLIENT_SECRET', 'secret of that client', secretText, 'none'),
  clientSecretFile: row('AIFI_OIDC_CLIENT_SECRET_FILE', 'file that holds it', filePath, 'none'),
  audience: row('AIFI_AUDIENCE', 'audience that callers’ tokens have to name', anyText, 'AIFI_PUBLIC_URL with /mcp'),
  personClaim: row('AIFI_PERSON_CLAIM', 'claim that names a person in both kinds of token', anyText, 'sub'),
  approverClaim: row('AIFI_APPROVER_CLAIM', 'claim that lists a person’s groups', anyText, 'groups'),
  approverGroup: row('AIFI_APPROVER_GROUP', 'group whose members approve', approverGroup, 'required'),
  fourEyes: row('AIFI_FOUR_EYES', 'nobody approves what they asked for themselves', trueOrFalse, 'true'),
  approval: row('AIFI_APPROVAL', 'how a person is asked about a sensitive change', oneOf(['auto', 'inbox']), 'auto'),
  secretKey: row(
    'AIFI_SECRET_KEY',
    'key of cookies and stored changes; two while it is rotated',
    secretKeys,
    'required',
  ),
  secretKeyFile: row('AIFI_SECRET_KEY_FILE', 'file that holds it', filePath, 'none'),
  storeUrl: row('AIFI_STORE_URL', 'PostgreSQL that all replicas share', storeAddress, 'memory, for one process'),
  storeUrlFile: row('AIFI_STORE_URL_FILE', 'file that holds its address', filePath, 'none'),
  lifetimeMinutes: row(
    'AIFI_APPROVAL_LIFETIME_MINUTES',
    'how long a question waits for its answer',
    wholeNumber(1, 1_440, 'minutes'),
    '480',
  ),
  maxOpenQuestions: row('AIFI_MAX_OPEN_QUESTIONS', 'open questions of one caller', wholeNumber(1, 100_000), '100'),
  notifyUrl: row('AIFI_NOTIFY_URL', 'webhook that is told of each new question', webhook, 'none'),
  notifyUrlFile: row('AIFI_NOTIFY_URL_FILE', 'file that holds its address', filePath, 'none'),
}

/** The same as a list, in the order in which `--help` and docs/operate.md show it. */
export const httpSettings: readonly Setting[] = Object.values(httpSetting)
