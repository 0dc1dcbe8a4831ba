// A model small enough to work out by hand: two linear layers on the rows of an embedding.
import type { Model } from '../../src/models/index.js'
import { linear } from '../../src/models/layers.js'
import { tf } from '../../src/tensor/index.js'

export const model: Model = {
  architecture: 'chain',
  objective: 'causal',
  vocabulary: 3,
  outputs: 3,
  positions: 4,
  width: 2,
  heads: 1,
  shapes: { embed: [3, 2], 'up.weight': [3, 2], 'down.weight': [3, 3] },
  linear: ['up.weight', 'down.weight'],
  tables: () => ({}),
  blocks: [
    { name: 'embed', weights: ['embed'], apply: ({ embed }, _, { ids }) => tf.gather(embed!, ids.flatten().toInt()) },
    { name: 'up', weights: ['up.weight'], apply: (weights, x) => linear(x!, weights, 'up') },
    {
      name: 'down',
      weights: ['down.weight'],
      apply: (weights, x, { wanted }) => linear(wanted ? tf.gather(x!, wanted) : x!, weights, 'down'),
    },
  ],
}
