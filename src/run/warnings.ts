// Collects the warnings of one run (editors or mergers that degenerate on a tensor) into one short line for its row.

/** Number of kinds of warnings that a row spells out. */
const SHOWN = 3

export interface Warnings {
  /** Takes a sentence, `<tensor>: <what>`. */
  warn(text: string): void
  /** One line, or null without warnings. */
  summary(): string | null
}

/**
 * Warnings that differ only in the tensor or in numbers are of one kind. Of each kind the first is shown, with its tensor and the
 * number of other tensors.
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
