// What stands before the question of an item: the preamble of the card, and worked examples.
import type { ResolveOptions } from '../../hub/index.js'
import type { Card } from './card.js'
import { loadExamples } from './data.js'
import { openDrawer } from './fewshot.js'
import { preparationOf } from './prepare.js'
import { placeRow } from './rows.js'
import { compileTemplate, type DataRow, fillText } from './template.js'

export interface Shots {
  preamble: string
  /** Preamble and examples. */
  before: string
}

/**
 * Called for one item after the other: examples are drawn in turn.
 * @param ask how an example is asked, and what answers it
 * @throws UserError with path and line, for a row that is no example
 */
export async function openShots(
  card: Card,
  ask: (row: DataRow) => { prompt: string; target: string },
  options: ResolveOptions,
): Promise<(row: DataRow) => Shots> {
  const { fewshot, delimiter } = card
  const prepare = preparationOf(card)
  const examples = (await loadExamples(card, options)).map(({ row, ...place }) => ({
    ...place,
    row: placeRow(place.where, () => prepare(row)),
  }))
  const draw = fewshot?.number ? openDrawer(fewshot, examples) : undefined
  const filler = card.preamble === '' ? undefined : compileTemplate(card.preamble)
  return (row) => {
    const preamble = filler ? fillText(filler, row) : ''
    const shots = (draw?.(row) ?? []).map((example) => {
      const { prompt, target } = ask(example.row)
      return `${prompt}${delimiter}${target}${fewshot!.separator}`
    })
    return { preamble, before: preamble + shots.join('') }
  }
}
