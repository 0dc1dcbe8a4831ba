// The rows that a card names: of a file beside it, or of a data set of the hub.
import { UserError } from '../../errors/index.js'
import { type ResolveOptions, resolveDataset } from '../../hub/index.js'
import { placeIn } from '../../schema/index.js'
import type { Card } from './card.js'
import { type PlacedRow, readRows } from './rows.js'

/** All rows of the files, numbered through when there are several. */
async function readFiles(paths: readonly string[]): Promise<PlacedRow[]> {
  const all: PlacedRow[] = []
  for (const path of paths) for (const each of await readRows(path)) all.push(each)
  return paths.length === 1 ? all : all.map((each, index) => ({ ...each, number: index + 1 }))
}

/** What the data of a card is called in errors and lists. */
export const describeData = ({ data }: Pick<Card, 'data'>): string =>
  typeof data === 'string' ? data : `${data.hub} (${data.split})`

/** The rows of the card's data, or of another split of its data set. @throws UserError of the hub, or with path and line */
export async function loadRows(card: Card, options: ResolveOptions = {}, split?: string): Promise<PlacedRow[]> {
  const { data, folder } = card
  if (card.rows) return card.rows(options)
  if (typeof data === 'string') return readFiles([placeIn(folder, data)])
  const wanted = split === undefined ? { split: data.split, files: data.files } : { split }
  const paths: string[] = []
  for (const config of [data.config].flat())
    paths.push(...(await resolveDataset(data.hub, { config, ...wanted }, options)))
  return readFiles(paths)
}

/** The rows that examples are drawn from; none where none are wanted. */
export async function loadExamples(card: Card, options: ResolveOptions = {}): Promise<PlacedRow[]> {
  const { fewshot, folder, origin } = card
  if (!fewshot?.number) return []
  const samples = fewshot.samples?.map((row, index) => ({
    where: `${origin}: sample ${index + 1}`,
    number: index + 1,
    row,
  }))
  if (samples) return samples
  if (fewshot.file !== undefined) return readFiles([placeIn(folder, fewshot.file)])
  if (fewshot.split === undefined) throw new UserError('needs samples, a file or a split', { path: ['fewshot'] })
  if (typeof card.data === 'string')
    throw new UserError('a split needs data from the hub; name a file', { path: ['fewshot'] })
  return loadRows(card, options, fewshot.split)
}

/** A number of examples that a caller asks for in place of the card's. @throws UserError where the card knows none */
export function withShots(card: Card, number: number): Card {
  if (!card.fewshot) {
    if (number === 0) return card
    throw new UserError(
      `task ${card.name} has no examples to put before its prompts; its card would name them under fewshot`,
    )
  }
  return { ...card, fewshot: { ...card.fewshot, number } }
}
