import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { exchange, type PageAnswer } from './exchange.ts'

export interface ToolAnswer {
  readonly http: PageAnswer
  /** The structured content. */
  readonly result: JsonObject
  /** Of the question's page, where one is named. */
  readonly path: string
}

/** One call at `https://team.example`, as a client writes it that says nothing of itself. */
export async function callTool(
  via: string,
  token: string,
  args: JsonObject,
  { name = 'update_customer', session }: { readonly name?: string; readonly session?: string } = {},
): Promise<ToolAnswer> {
  const headers = {
    Host: 'team.example',
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    Authorization: `Bearer ${token}`,
    ...(session !== undefined && { 'Mcp-Session-Id': session }),
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  const http = await exchange(`${via}/mcp`, { method: 'POST', headers, body })
  const message = parsed(http.body.split('data: ').at(-1) ?? '')
  const content = isJsonObject(message.result) ? message.result.structuredContent : undefined
  const result = isJsonObject(content) ? content : {}
  const path = /https:\/\/team\.example(\/approvals\/[\w-]+)/.exec(String(result.message))?.[1] ?? ''
  return { http, result, path }
}

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
