// The data of a recipe, opened for the model that it trains.
import type { Training } from '../config/index.js'
import { UserError } from '../errors/index.js'
import type { Model } from '../models/index.js'
import { loadImageReader } from '../tasks/index.js'
import { loadTokenizer, withinRows, withPrompt } from '../tokenizer/index.js'
import type { Batches } from './data.js'
import { labelledBatches, maskedBatches } from './encoder.js'
import { pictureBatches } from './pictures.js'
import { corpusBatches, itemBatches } from './text.js'

/** Objectives that each kind of data can train. */
const OBJECTIVES = {
  corpus: ['causal'],
  items: ['causal'],
  masked: ['masked'],
  labelled: ['classes', 'value'],
  images: ['classes'],
}

/** @param companions folder of the tokenizer or the preprocessor @throws UserError for data that cannot be read, or that does not fit the model's objective or vocabulary */
export async function openData(
  recipe: Training,
  model: Model,
  companions: string,
  at: (path: string) => string,
): Promise<Batches> {
  const { corpus, items, masked, labelled, images } = recipe
  const { objective, outputs, start } = model
  const wrong = (['corpus', 'items', 'masked', 'labelled', 'images'] as const).find(
    (kind) => recipe[kind] && !OBJECTIVES[kind].includes(objective),
  )
  if (wrong)
    throw new UserError(
      `${recipe.name}: \`${wrong}\` trains ${OBJECTIVES[wrong].join(' or ')}; the ${model.architecture} here has the objective ${objective}`,
    )
  if (images) return pictureBatches(at(images), await loadImageReader(companions), outputs, recipe)
  const { name } = recipe
  if (corpus && start !== undefined)
    throw new UserError(
      `${name}: \`corpus\` has no prompts for the encoder of the ${model.architecture}; give \`items\``,
    )
  const tokenizer = withPrompt(withinRows(await loadTokenizer(companions), model.vocabulary, name), model, name)
  if (corpus) return corpusBatches(at(corpus), tokenizer, recipe)
  if (items) return itemBatches(at(items), tokenizer, { ...recipe, start })
  if (masked) return maskedBatches(at(masked), tokenizer, recipe)
  return labelledBatches(at(labelled!), tokenizer, objective === 'value' ? 1 : outputs, recipe)
}
