/** The keys of an object literal, typed as such, in their order. For tables whose type is known to be all they hold. */
export function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table).filter((key): key is keyof T & string => Object.hasOwn(table, key))
}
