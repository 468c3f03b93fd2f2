import { createReadStream } from 'node:fs'

/** The lines of an audit, in order, without their line breaks: those of a file, or what a database holds. */
export type LineSource = AsyncIterable<Uint8Array>

/** Far more than a record has, in bytes: of a longer line only the beginning is kept, which is no record. */
export const LONGEST_LINE = 16 * 1024 * 1024

const LINE_BREAK = 0x0a

/** The lines of a file of any size. Throws what the file system throws. */
export async function* fileLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restLength = 0
  const keep = (piece: Buffer) => {
    if (restLength <= LONGEST_LINE) rest.push(piece)
    restLength += piece.length
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    let start = 0
    for (let end = chunk.indexOf(LINE_BREAK); end >= 0; end = chunk.indexOf(LINE_BREAK, start)) {
      keep(chunk.subarray(start, end))
      yield Buffer.concat(rest)
      rest = []
      restLength = 0
      start = end + 1
    }
    if (start < chunk.length) keep(chunk.subarray(start))
  }
  if (restLength > 0) yield Buffer.concat(rest)
}

/** The lines of a file that is in memory. */
export function* contentLines(content: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < content.length; ) {
    const lineBreak = content.indexOf(LINE_BREAK, start)
    const end = lineBreak < 0 ? content.length : lineBreak
    yield content.subarray(start, end)
    start = end + 1
  }
}
