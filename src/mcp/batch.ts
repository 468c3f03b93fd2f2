import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server'

/** Several messages in one line (JSON-RPC 2.0, section 6; MCP 2025-03-26): their answers go out in one line as well. */
export class Batch {
  readonly #write: (line: string) => void
  readonly #awaited = new Set<RequestId>()
  readonly #answers: string[] = []
  #isComplete = false

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /** A request of this batch will be answered, or dropped. */
  expect(id: RequestId): void {
    this.#awaited.add(id)
  }

  answer(message: JSONRPCMessage): void {
    this.#answers.push(JSON.stringify(message))
    if ('id' in message && message.id !== undefined) this.drop(message.id)
  }

  /** The request gets no answer any more. */
  drop(id: RequestId): void {
    this.#awaited.delete(id)
    this.#send()
  }

  /** Every message of the batch has been looked at. */
  complete(): void {
    this.#isComplete = true
    this.#send()
  }

  #send(): void {
    if (!this.#isComplete || this.#awaited.size > 0 || this.#answers.length === 0) return
    this.#write(`[${this.#answers.splice(0).join(',')}]\n`)
  }
}

/** The texts of the members of an array. `text` has to be JSON, and an array. */
export function memberTexts(text: string): string[] {
  const members: string[] = []
  let depth = 0
  let isString = false
  let start = text.indexOf('[') + 1
  for (let at = start - 1; at < text.length; at++) {
    const character = text[at]
    if (isString) {
      if (character === '\\') at += 1
      else if (character === '"') isString = false
    } else if (character === '"') isString = true
    else if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth -= 1
    const isEnd = !isString && ((character === ',' && depth === 1) || (character === ']' && depth === 0))
    if (!isEnd) continue
    members.push(text.slice(start, at).trim())
    start = at + 1
  }
  return members
}
