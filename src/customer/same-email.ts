/**
 * True when two texts name the same mailbox: ASCII letters in any case, all else the same characters in either spelling
 * that Unicode counts as one (NFC). A character that only NFC makes ASCII, as the Kelvin sign U+212A, is none.
 */
export function sameEmail(a: string, b: string): boolean {
  return !becomesAscii(a) && !becomesAscii(b) && folded(a) === folded(b)
}

function folded(email: string): string {
  return email.normalize('NFC').replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function becomesAscii(email: string): boolean {
  return Array.from(email).some((character) => character > '\u007f' && /^[\0-\u007f]/.test(character.normalize('NFC')))
}
