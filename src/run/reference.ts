// What all runs of one model and task share: losses and scores of base and post-trained model, and the gradient there.
import { evaluate } from '../evaluate/index.js'
import { type Gradient, gradientOf, type Loss, lossOf } from '../loss/index.js'
import type { PlannedTask } from '../plan/index.js'
import { tf } from '../tensor/index.js'
import { type LoadedPair, type Measures, uploadBase } from './loaded-pair.js'

/** Plain data in shared memory, so that every worker reads the same gradient. */
export interface Reference {
  lossPre: Loss | null
  lossPost: Loss | null
  scorePre: number | null
  scorePost: number | null
  /** Gradient of the loss at the post-trained weights; where an editor or a Riemann sum needs it. */
  gradient: Gradient | null
}

export async function measureReference(
  home: LoadedPair,
  planned: PlannedTask,
  measures: Measures,
  needsGradient: boolean,
): Promise<Reference> {
  const { model, tokenizer, post } = home
  // A gradient is taken on the batches of the loss; without a loss section, on its default number of items.
  const { task, batches } = await home.open(
    planned,
    measures.loss ? measures.loss.items : needsGradient ? 128 : undefined,
  )
  // A Riemann sum needs it too, at its first node.
  const wanted = needsGradient || (measures.loss && measures.loss.riemann)
  const base = uploadBase(home)
  try {
    const score = async (weights: typeof post) =>
      measures.score
        ? (
            await evaluate(model, weights, task, tokenizer, {
              items: measures.score.items,
              allowCode: measures.allowCode,
            })
          ).score
        : null
    return {
      lossPre: measures.loss ? await lossOf(model, base, batches) : null,
      lossPost: measures.loss ? await lossOf(model, post, batches) : null,
      scorePre: await score(base),
      scorePost: await score(post),
      gradient: wanted ? share((await gradientOf(model, post, batches)).gradient) : null,
    }
  } finally {
    tf.dispose(base)
  }
}

/** The same values in memory that all threads see. */
export function share(gradient: Gradient): Gradient {
  return new Map(
    [...gradient].map(([name, values]) => {
      const shared = new Float32Array(new SharedArrayBuffer(values.byteLength))
      shared.set(values)
      return [name, shared]
    }),
  )
}
