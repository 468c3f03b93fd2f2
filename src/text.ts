/**
 * Text that came from elsewhere (AiFi, a customer record, a client, the model) made harmless before anybody reads it.
 * Such text is data: it may not forge lines, hide letters, reverse their order, or drive a terminal.
 */

/** A string of a record or an error, in characters. */
export const STRING_LIMIT = 500

// C0, DEL and C1 controls; soft hyphen; Arabic letter mark; combining grapheme joiner; Hangul and other blank fillers;
// zero-width and bidi controls; line and paragraph separators; word joiners and invisible operators; variation
// selectors; byte order mark; interlinear annotation; tag characters; lone surrogates. (Unicode UAX #9, UTS #39.)
const ANSI = /[\u001b\u009b](?:\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[[()#;?]*[0-9;]*[ -/]*[@-~]?)/g
const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}]|[\u{1d173}-\u{1d17a}]|[\u{e0000}-\u{e0fff}]|\p{Cs}/gu

/**
 * One line of visible text, at most `limit` characters; a longer one ends in `…`.
 * Line breaks and tabs become spaces, ANSI sequences, control, bidi and zero-width characters go.
 */
export function harmless(text: string, limit: number = STRING_LIMIT): string {
  // Cut first: nothing beyond a few times the limit can matter, and a hostile answer may be megabytes long.
  const start = text.length > limit * 8 ? text.slice(0, limit * 8) : text
  const clean = start.replace(ANSI, '').replace(LINE_BREAKS, ' ').replace(INVISIBLE, '')
  const characters = Array.from(clean)
  return characters.length > limit || start !== text ? `${characters.slice(0, limit - 1).join('')}…` : clean
}
