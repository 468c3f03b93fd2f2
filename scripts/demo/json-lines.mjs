/** Stands for what is left out of a message: printed as `…`. */
export const CUT = Symbol('…')

/**
 * The named members of an object, with a `…` when there are more.
 * @param {Record<string, unknown>} object
 * @param {...string} names
 */
export function cutTo(object, ...names) {
  const kept = names.filter((name) => Object.hasOwn(object, name)).map((name) => [name, object[name]])
  return Object.fromEntries(kept.length < Object.keys(object).length ? [...kept, ['…', CUT]] : kept)
}

/**
 * JSON in lines of at most `width` characters: what fits on a line stays on it, members are filled in like a paragraph.
 * @param {unknown} value
 * @param {number} width
 * @param {number} [tail] characters to keep free at the end of the last line
 * @returns {string[]}
 */
export function jsonLines(value, width, tail = 0) {
  const flat = inline(value)
  if (flat.length + tail <= width) return [flat]
  if (typeof value === 'string') return wrapped(flat, width - tail, ' ')
  if (typeof value !== 'object' || value === null) return [flat]
  const [open, close] = bracketsOf(value)
  const lines = memberLines(value, width - 2, tail + close.length + 1)
  return lines.map(
    (each, index) => `${index === 0 ? `${open} ` : '  '}${each}${index === lines.length - 1 ? ` ${close}` : ''}`,
  )
}

/**
 * The same with a line, or more, for each member of an object, and lines for its brackets.
 * @param {object} object
 * @param {number} width
 */
export function jsonBlock(object, width) {
  const [open, close] = bracketsOf(object)
  const members = Object.entries(object)
  const lines = members.flatMap(([name, member], index) =>
    memberBlock(keyOf(name), member, width - 2, index < members.length - 1 ? ',' : '', 0),
  )
  return [open, ...lines.map((each) => `  ${each}`), close]
}

/** @param {object} container @param {number} width @param {number} tail @returns {string[]} */
function memberLines(container, width, tail) {
  const members = Object.entries(container)
  /** @type {string[]} */
  const lines = []
  for (const [index, [name, member]] of members.entries()) {
    const isLast = index === members.length - 1
    const key = Array.isArray(container) ? '' : keyOf(name)
    const block = memberBlock(key, member, width, isLast ? '' : ',', isLast ? tail : 0)
    const filled = `${lines.at(-1)} ${block[0]}`
    const fits = index > 0 && block.length === 1 && filled.length + (isLast ? tail : 0) <= width
    if (fits) lines[lines.length - 1] = filled
    else lines.push(...block)
  }
  return lines
}

/**
 * One member: a string goes on under its own beginning, an object or list under its key.
 * @param {string} key
 * @param {unknown} member
 * @param {number} width
 * @param {string} comma
 * @param {number} tail
 */
function memberBlock(key, member, width, comma, tail) {
  const room = tail + comma.length
  const fits = key.length + inline(member).length + room <= width
  const isContainer = typeof member === 'object' && member !== null
  if (fits || key === '' || !isContainer) {
    const lines = jsonLines(member, width - key.length, room)
    return lines.map((each, index) => {
      return (index === 0 ? key : ' '.repeat(key.length)) + each + (index === lines.length - 1 ? comma : '')
    })
  }
  const [open, close] = bracketsOf(member)
  const lines = memberLines(member, width - 2, room + 2).map((each) => `  ${each}`)
  return [key + open, ...lines.slice(0, -1), `${lines.at(-1)} ${close}${comma}`]
}

/** @param {object} container */
function bracketsOf(container) {
  return Array.isArray(container) ? /** @type {const} */ (['[', ']']) : /** @type {const} */ (['{', '}'])
}

/** `…` as a name stands for the members that are cut. @param {string} name */
function keyOf(name) {
  return name === '…' ? '' : `${JSON.stringify(name)}: `
}

/** @param {unknown} value @returns {string} */
function inline(value) {
  if (value === CUT) return '…'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(inline).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => keyOf(name) + inline(member))
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

/**
 * Text in lines of at most `width` characters, broken at spaces where there are any.
 * @param {string} text
 * @param {number} width
 * @param {string} [indent] for every line but the first
 * @returns {string[]}
 */
export function wrapped(text, width, indent = '') {
  const lines = ['']
  for (const word of text.split(' ').flatMap((each) => pieces(each, width - indent.length))) {
    const last = lines.at(-1) ?? ''
    if (last.trim() === '') lines[lines.length - 1] = last + word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(indent + word)
  }
  return lines
}

/** @param {string} word @param {number} width */
function pieces(word, width) {
  const parts = []
  for (let rest = word; rest.length > width; rest = rest.slice(width)) parts.push(rest.slice(0, width))
  parts.push(word.slice(parts.length * width))
  return parts
}
