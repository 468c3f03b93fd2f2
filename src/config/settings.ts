import {
  anyText,
  approverGroup,
  browserCommands,
  deployment,
  fieldNames,
  filePath,
  httpsAddress,
  type Kind,
  listenAddress,
  oneOf,
  parameters,
  publicAddress,
  secretKeys,
  secretText,
  storeAddress,
  token,
  tokenEndpoint,
  trueOrFalse,
  webhook,
  wholeNumber,
} from './setting-kinds.ts'

/** One environment variable that the program reads. */
export interface Setting<Value = unknown> extends Kind<Value> {
  readonly name: string
  readonly format: NonNullable<Kind<Value>['format']>
  /** One short line. */
  readonly meaning: string
  /** What holds when it is not set, as text: a value in the setting's own form, or words. */
  readonly default: string
}

/** One row of a table of settings. */
function row<Value>(name: string, meaning: string, kind: Kind<Value>, fallback: string): Setting<Value> {
  return { name, meaning, format: 'string', ...kind, default: fallback }
}

const APPROVAL_MODES = ['auto', 'form', 'page', 'chat', 'dangerously-skip'] as const
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** AiFi's own, from OASIS 6.3.0. */
const AIFI_TOKEN_ENDPOINT = 'https://auth.aifi.com/realms/aifi/protocol/openid-connect/token'

/** Every setting by the name the code uses; the single source of names, meanings, defaults and limits. */
export const setting = {
  baseUrl: row('AIFI_BASE_URL', 'address of the AiFi deployment', deployment, 'required'),
  token: row('AIFI_TOKEN', 'bearer token or API key', token, 'one way in is required'),
  tokenFile: row('AIFI_TOKEN_FILE', 'file that holds the token', filePath, 'none'),
  clientId: row('AIFI_CLIENT_ID', 'OAuth client id, instead of a token', anyText, 'none'),
  clientSecret: row('AIFI_CLIENT_SECRET', 'OAuth client secret', secretText, 'none'),
  clientSecretFile: row('AIFI_CLIENT_SECRET_FILE', 'file that holds the client secret', filePath, 'none'),
  tokenUrl: row('AIFI_TOKEN_URL', 'OAuth token endpoint', tokenEndpoint, AIFI_TOKEN_ENDPOINT),
  tokenParams: row('AIFI_TOKEN_PARAMS', 'further parameters of the token request', parameters, 'none'),
  approval: row('AIFI_APPROVAL', 'how a person is asked about a sensitive change', oneOf(APPROVAL_MODES), 'auto'),
  approvalFields: row('AIFI_APPROVAL_FIELDS', 'further fields that need approval', fieldNames, 'none'),
  approvalWaitSeconds: row(
    'AIFI_APPROVAL_WAIT_SECONDS',
    'how long a call waits for the page before it answers approval_pending; always under 55 s',
    wholeNumber(0, 600, 'seconds'),
    '45',
  ),
  approvalPort: row('AIFI_APPROVAL_PORT', 'fixed port of the approval page', wholeNumber(1, 65_535), 'random'),
  fields: row('AIFI_FIELDS', 'the fields that may be changed at all', fieldNames, 'all'),
  showFields: row('AIFI_SHOW_FIELDS', 'the fields whose values the assistant may see', fieldNames, 'all'),
  secretArguments: row(
    'AIFI_SECRET_ARGUMENTS',
    'whether the assistant may pass secret values in arguments',
    oneOf(['allow', 'refuse']),
    'allow',
  ),
  readBack: row('AIFI_READ_BACK', 'read the record before and after a change', oneOf(['auto', 'off']), 'auto'),
  readOnly: row('AIFI_READ_ONLY', 'serve only find_customers', trueOrFalse, 'false'),
  timeoutMs: row('AIFI_TIMEOUT_MS', 'deadline of one AiFi exchange', wholeNumber(10, 600_000, 'milliseconds'), '10000'),
  maxChangesPerMinute: row(
    'AIFI_MAX_CHANGES_PER_MINUTE',
    'a runaway assistant stops here',
    wholeNumber(1, 1_000_000),
    '30',
  ),
  auditLog: row('AIFI_AUDIT_LOG', 'file of the audit trail', filePath, 'none'),
  auditValues: row('AIFI_AUDIT_VALUES', 'the audit also holds values that are not secret', trueOrFalse, 'false'),
  logLevel: row('LOG_LEVEL', 'level of the log on stderr', oneOf(LOG_LEVELS), 'info'),
  browser: row(
    'BROWSER',
    "what opens the approval page, tried before the system's browser",
    browserCommands,
    "the system's",
  ),
}

/** The same as a list, in the order in which `--help` and docs/settings.md show it. */
export const settings: readonly Setting[] = Object.values(setting)

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

/** Without meaning for `http`. */
export const stdioOnly: readonly Setting[] = [setting.approvalPort, setting.browser, setting.secretArguments]

/** Without meaning on stdio. */
export const httpOnly: readonly Setting[] = httpSettings.filter(
  (each) => !settings.some(({ name }) => name === each.name),
)
