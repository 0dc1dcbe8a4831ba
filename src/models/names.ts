// The names that published files give to a model's tensors: transformers' own, or one of the older habits.
import { canonicalName } from '../naming/index.js'
import type { Config } from './config.js'
import type { Model, Split } from './model.js'
import { underNames } from './watch.js'

/** How a file with these tensors calls those of a model; undefined for one that it lacks. */
export function spellingIn(stored: Iterable<string>, config: Config): (name: string) => string | undefined {
  const spelled = new Map([...stored].map((name) => [canonicalName(name, config), name] as const))
  const own = new Set(spelled.values())
  const find = (name: string): string | undefined => (own.has(name) ? name : spelled.get(canonicalName(name, config)))
  // The bias of masked-token logits has two names in one class.
  return (name) => find(name) ?? find(name.replace(/^(cls\.predictions|lm_head)\.bias$/, '$1.decoder.bias'))
}

function renameSplit(split: Split, rename: (name: string) => string): Split {
  const { weights, single, first } = split
  return {
    ...split,
    weights: weights.map(rename),
    ...(first && { first: first.map(rename) }),
    ...(single && { single: new Map([...single].map(([name, unit]) => [rename(name), unit])) }),
  }
}

/** The model with its tensors called as the file calls them; those that the file lacks keep their own names. */
export function adoptNames(model: Model, spelling: ReturnType<typeof spellingIn>): Model {
  const found = Object.keys(model.shapes).map((name) => [name, spelling(name) ?? name] as const)
  if (found.every(([name, alias]) => name === alias)) return model
  const alias = new Map(found)
  const rename = (names: readonly string[]) => names.map((name) => alias.get(name)!)
  return {
    ...model,
    shapes: Object.fromEntries(Object.entries(model.shapes).map(([name, shape]) => [alias.get(name)!, shape])),
    linear: rename(model.linear),
    ...(model.shifted && { shifted: rename(model.shifted) }),
    ...(model.encoded && { encoded: rename(model.encoded) }),
    blocks: model.blocks.map((block) => ({
      ...block,
      weights: rename(block.weights),
      ...(block.split && { split: renameSplit(block.split, (name) => alias.get(name)!) }),
      apply: (weights, hidden, inputs, from) =>
        block.apply(
          underNames(
            weights,
            block.weights.map((name) => [name, alias.get(name)!]),
          ),
          hidden,
          inputs,
          from,
        ),
    })),
  }
}
