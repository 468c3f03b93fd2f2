import { accept, afterReading, start } from './harness.ts'

/** Characters in a line of the page, besides the name of who speaks. */
const WIDTH = 88
const SPEAKER = 11

/** The conversation of the README as it really happens, against the stand-in: who says what, line by line. */
export async function conversation(): Promise<string> {
  const server = await start()
  const { client, asked, update } = await server.connect({
    name: 'claude-code',
    answer: afterReading(() => server.clock, accept()),
  })
  const email = 'jane@example.com'
  const found = await client.callTool({ name: 'find_customers', arguments: { email } })
  const args = { customerId: 4211, blocked: false, expectedEmail: email }
  const { status, message } = await update(args)
  const question = asked.map((each) => each.message.replaceAll(server.sandbox.baseUrl, 'http://127.0.0.1:8787'))
  const [patch, ...more] = server.sent('PATCH')
  if (patch === undefined || more.length > 0) throw new Error('not one PATCH')
  return [
    said('Support', `${email} says she can't get in. Unblock her.`),
    said('Assistant', `find_customers ${JSON.stringify({ email })}: ${firstSentence(found.structuredContent)}`),
    said('', `update_customer ${JSON.stringify(args)}`),
    said('A person', ...question.flatMap((each) => each.split('\n'))),
    said('', '[Approve]'),
    said('AiFi gets', `${patch.method} ${patch.path} ${JSON.stringify(patch.body)}`),
    said('Assistant', `${status}: ${message}`),
  ].join('\n')
}

function firstSentence(content: unknown): string {
  return typeof content === 'object' && content !== null && 'message' in content ? String(content.message) : ''
}

function said(who: string, ...lines: readonly string[]): string {
  const [first = '', ...rest] = lines.flatMap(wrapped)
  return [who.padEnd(SPEAKER) + first, ...rest.map((line) => ' '.repeat(SPEAKER) + line)].join('\n')
}

function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
