import { settings } from '../config/settings.ts'
import { version } from '../lib/version.ts'

/** What is allowed stands in docs/settings.md and in every complaint; here only where it is a choice of words. */
const CHOICE = /^[a-z-]+(, [a-z-]+)+$/

/** What `--help` prints. */
export function helpText(): string {
  const width = Math.max(...settings.map(({ name }) => name.length))
  const lines = settings.map(({ name, meaning, allowed, default: fallback }) => {
    const choice = CHOICE.test(allowed) ? `: ${allowed}` : ''
    return `  ${name.padEnd(width)}  ${meaning}${choice}${defaultWords(fallback)}`
  })
  return `aifi-customer-mcp ${version}
An MCP server that changes AiFi customer records, with a person's approval for what is sensitive.

Usage
  aifi-customer-mcp                      serve MCP on stdin and stdout (a host starts it)
  aifi-customer-mcp --sandbox            the same against an embedded stand-in for AiFi: no account, no network
  aifi-customer-mcp http                 serves a team: MCP over HTTP, approvers who sign in (docs/operate.md);
                                         with --sandbox on this machine alone, without anything else
  aifi-customer-mcp health               asks a running http whether it is ready; for containers
  aifi-customer-mcp doctor               looks at settings, network, token and record access, and says what is wrong;
                                         --json for scripts, --customer N reads that one, --sandbox without AiFi
                                         --config FILE does that for the entries of a host's configuration
                                         (Claude Desktop, Claude Code, VS Code, Cursor, Codex)
  aifi-customer-mcp doctor http          the same for http: issuer, client, redirect address, database, clock, AiFi;
                                         --stdin reads an access token and an ID token, and says what their claims lack
  aifi-customer-mcp sandbox [--port N]   the stand-in alone; prints its address and credentials as settings
  aifi-customer-mcp audit verify [FILE]  checks an audit trail; without a file, that in the database of AIFI_STORE_URL
  aifi-customer-mcp audit list [FILE]    shows its changes, one a line; --csv for a spreadsheet
  aifi-customer-mcp --help | --version
  With --sandbox or sandbox, --no-get makes the stand-in refuse GET /customers/{id}.

Settings (environment variables)
${lines.join('\n')}
`
}

function defaultWords(fallback: string): string {
  if (fallback === 'none') return ''
  return fallback.endsWith('required') ? ` (${fallback})` : ` (default: ${fallback})`
}
