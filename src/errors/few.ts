// The first of many in a sentence.

/** `a, b and 3 more`; with another separator `a; b; and 3 more`. @param most how many are named */
export function firstFew(list: readonly string[], most: number, separator = ', '): string {
  const named = list.slice(0, most).join(separator)
  const between = separator === ', ' ? ' ' : separator
  return list.length > most ? `${named}${between}and ${list.length - most} more` : named
}
