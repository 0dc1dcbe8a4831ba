// The names that published files give to a model's tensors: transformers' own, or one of the older habits.
import type { Model } from './model.js'

/** Prefix of the model inside its head's class; files saved without the head leave it out (gpt2). */
const PREFIX = /^(model|transformer|bert|roberta|vit)\./

/** Names that old TensorFlow conversions gave to LayerNorm's weight and bias, and the other name of the bias of masked-token logits. */
const ancient = (name: string) =>
  name
    .replace(/(LayerNorm)\.weight$/, '$1.gamma')
    .replace(/(LayerNorm)\.bias$/, '$1.beta')
    .replace(/^(cls\.predictions|lm_head)\.bias$/, '$1.decoder.bias')

/** How a file may call the tensor, best first. */
function spellings(name: string): string[] {
  const bare = name.replace(PREFIX, '')
  return [name, ancient(name), bare, ancient(bare)]
}

/** What a file with these tensors calls the model's tensor `name`; undefined where it lacks it. */
export const storedName = (name: string, stored: { has(name: string): boolean }): string | undefined =>
  spellings(name).find((each) => stored.has(each))

/** The model with its tensors called as the file calls them; those that the file lacks keep their own names. */
export function adoptNames(model: Model, stored: ReadonlySet<string>): Model {
  const found = Object.keys(model.shapes).map((name) => [name, storedName(name, stored) ?? name] as const)
  if (found.every(([name, alias]) => name === alias)) return model
  const alias = new Map(found)
  const rename = (names: readonly string[]) => names.map((name) => alias.get(name)!)
  return {
    ...model,
    shapes: Object.fromEntries(Object.entries(model.shapes).map(([name, shape]) => [alias.get(name)!, shape])),
    linear: rename(model.linear),
    blocks: model.blocks.map((block) => ({
      ...block,
      weights: rename(block.weights),
      ...(block.split && { split: { ...block.split, weights: rename(block.split.weights) } }),
      apply: (weights, hidden, inputs, from) =>
        block.apply(
          Object.fromEntries(block.weights.map((name) => [name, weights[alias.get(name)!]!])),
          hidden,
          inputs,
          from,
        ),
    })),
  }
}
