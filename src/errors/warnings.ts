// Collects the warnings of editors and mergers that degenerate on tensors: a line for each kind, and one short line for a row.

/** Number of kinds of warnings that a row spells out. */
const SHOWN = 3

export interface Warnings {
  /** Takes a sentence, `<tensor>: <what>`, or one that is of no tensor. */
  warn(text: string): void
  /** A line for each kind. */
  kinds(): string[]
  /** One line, or null without warnings. */
  summary(): string | null
}

/**
 * Warnings that differ only in the tensor or in numbers are of one kind. Of each kind the first is shown, with its tensor and the
 * number of other tensors.
 */
export function collectWarnings(): Warnings {
  const kinds = new Map<string, { what: string; places: Set<string> }>()
  const told = () =>
    [...kinds.values()].map(
      ({ what, places: [first, ...more] }) =>
        what + (first ? ` (${first}${more.length ? ` and ${more.length} more` : ''})` : ''),
    )
  return {
    kinds: told,
    warn(text) {
      const [, place = '', what = text] = /^(.*?): (.*)$/s.exec(text) ?? []
      const kind = what.replace(/\d[\d.e+-]*/g, '#')
      if (!kinds.has(kind)) kinds.set(kind, { what, places: new Set() })
      kinds.get(kind)!.places.add(place)
    },
    summary() {
      const all = told()
      const rest = all.length > SHOWN ? [`and ${all.length - SHOWN} more kinds`] : []
      return all.length ? [...all.slice(0, SHOWN), ...rest].join('; ') : null
    },
  }
}
