// What the editors and the merger of one run say of tensors on which they degenerate, in one short line for its row.

/** Kinds of sentences that a row spells out. */
const SHOWN = 3

export interface Warnings {
  /** Takes a sentence, `<tensor>: <what>`. */
  warn(text: string): void
  /** One line, or null where nothing was said. */
  summary(): string | null
}

/**
 * Sentences that differ in their tensor or in their numbers alone are one kind: the first of each is told with where it was said,
 * and at how many places more.
 */
export function collectWarnings(): Warnings {
  const kinds = new Map<string, { what: string; places: Set<string> }>()
  return {
    warn(text) {
      const [place, what] = [text.slice(0, text.indexOf(': ')), text.slice(text.indexOf(': ') + 2)]
      const kind = what.replace(/\d[\d.e+-]*/g, '#')
      if (!kinds.has(kind)) kinds.set(kind, { what, places: new Set() })
      kinds.get(kind)!.places.add(place)
    },
    summary() {
      if (kinds.size === 0) return null
      const told = [...kinds.values()].map(
        ({ what, places: [first, ...more] }) => `${what} (${first}${more.length ? ` and ${more.length} more` : ''})`,
      )
      return [...told.slice(0, SHOWN), ...(told.length > SHOWN ? [`and ${told.length - SHOWN} more kinds`] : [])].join(
        '; ',
      )
    },
  }
}
