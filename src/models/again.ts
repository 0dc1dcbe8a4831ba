// Work on a stretch of a model that comes again with other values, for a backend that runs such work as one graph.
import { replayed, type Tensor } from '../tensor/index.js'
import type { Block, Inputs, Weights } from './model.js'
import { namesOf, type Rows, type Stretch } from './source.js'
import { isWatched } from './watch.js'

const numbers = new WeakMap<Block, number>()
let count = 0

/** A number that no other block has. */
function numberOf(block: Block): number {
  const number = numbers.get(block) ?? count++
  numbers.set(block, number)
  return number
}

/** What blocks read of the inputs beside tensors. */
const factsOf = ({ rows, columns, batch, packed, wanted, places, tables, cache }: Inputs) => [
  ...[rows, columns, batch.encoder?.columns, packed !== undefined, wanted !== undefined, places !== undefined],
  Object.keys(tables).join('+'),
  ...(cache ? [cache.rows, cache.capacity, cache.length > 0, cache.layers.length, cache.encoder?.layers.length] : []),
]

const tensorsOf = ({ ids, packed, wanted, places, tables, cache }: Inputs): (Tensor | undefined)[] => [
  ...[ids, packed?.places, packed?.tokens, wanted, places],
  ...Object.values(tables),
  ...[...(cache?.layers ?? []), ...(cache?.encoder?.layers ?? [])].flatMap(({ keys, values }) => [keys, values]),
]

/** What decides a piece of work on a stretch, or a part of it. */
export interface StretchWork {
  stretch: Stretch
  part: Rows | null
  /** The weights of the part. */
  weights: Weights
  inputs: Inputs
  /** What it is, and all else that decides which operations it is. */
  name: string
  /** The tensors that it reads beside weights and inputs. */
  tensors: readonly Tensor[]
}

/**
 * The results of the work, and those of its graph where it came before with tensors of the same shapes. Its blocks are applied once, as
 * a pass that is followed hears.
 */
export function doAgain(of: StretchWork, work: (inputs: Inputs) => Tensor[]): Tensor[] {
  const { stretch, part, weights, inputs, name, tensors } = of
  if (isWatched(weights)) return work(inputs)
  let heard = 0
  const onBlock = () => {
    heard++
    inputs.onBlock?.()
  }
  const facts = [name, stretch.blocks.map(numberOf).join('+'), part?.from, part?.to, ...factsOf(inputs)]
  const named = namesOf(stretch, part).map((name) => weights[name])
  const given = [...named, ...tensorsOf(inputs), ...tensors].filter((tensor) => tensor !== undefined)
  const results = replayed(facts.join(), given, () => work({ ...inputs, onBlock }))
  while (heard < stretch.blocks.length) onBlock()
  return results
}
