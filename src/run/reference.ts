// The measurements that all runs of one model and task share: losses and scores of the base and the post-trained model, and the
// gradient at the post-trained weights.
import type { LossSettings } from '../config/index.js'
import { checkTask, type Scores } from '../evaluate/index.js'
import { type Gradient, gradientOf, type Loss, reusesGradient } from '../loss/index.js'
import type { Weights } from '../models/index.js'
import { GRADIENT_ITEMS, type PlannedTask } from '../plan/index.js'
import { track, type Work } from '../progress/index.js'
import { sliceTask } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type LoadedPair, type Measures, uploadBase } from './loaded-pair.js'
import { lossBy, noDivergence } from './measure-change.js'
import { MEASURE_ALWAYS, type Measured } from './measured.js'
import { scoreEnd } from './of-post.js'

/** The score of a model, and further ones by name. */
type ScorePair = Pick<Scores, 'score' | 'others'>

/** Plain data in shared memory, so that every worker reads the same gradient. */
export interface Reference {
  /** Null if the experiment measures no loss. */
  loss: { pre: Loss; post: Loss } | null
  /** Null if the experiment measures no score. */
  score: { pre: ScorePair; post: ScorePair } | null
  /** Gradient of the task's loss at the post-trained weights; null unless an editor needs it or Riemann sums can begin with it. */
  gradient: Gradient | null
}

/**
 * @param given needsGradient: an editor needs the gradient; runs: their number (a single run gains nothing from a shared gradient);
 *   measured: where losses and replies are kept
 */
export async function measureReference(
  home: LoadedPair,
  planned: PlannedTask,
  { loss, score, allowCode }: Measures,
  { needsGradient, runs, measured = MEASURE_ALWAYS }: { needsGradient: boolean; runs: number; measured?: Measured },
): Promise<Reference> {
  const { model, post } = home
  const { task, batches } = await home.open(planned, loss ? loss.items : needsGradient ? GRADIENT_ITEMS : undefined)
  const reused = runs > 1 && loss && loss.riemann && reusesGradient(loss, batches.length)
  let base: Weights = {}
  const weightsOf = (one: 'base' | 'post'): Weights => {
    if (one === 'post') return post
    if (!Object.keys(base).length) base = uploadBase(home)
    return base
  }
  try {
    const subject = { source: planned.source }
    const lossAt = (one: 'base' | 'post', { items, kind }: LossSettings) =>
      measured.loss({ ...subject, model: one, items: Math.min(items, task.items.length), kind }, () =>
        lossBy(kind, home, weightsOf(one), batches),
      )
    const lossesOf = async (settings: LossSettings, part: Work['part']) => {
      const pre = await part(1, () => lossAt('base', settings))
      return { pre, post: settings.kind === 'kl' ? noDivergence(pre) : await part(1, () => lossAt('post', settings)) }
    }
    const scoreAt = (one: 'base' | 'post', items: number) => {
      checkTask(task, model, { allowCode })
      const to = Math.min(items, task.items.length)
      return scoreEnd(home, sliceTask(task, 0, to), { ...subject, model: one, items: to }, { weightsOf, measured })
    }
    const wantsGradient = needsGradient || reused
    // In forward passes over the items; a gradient takes three.
    const total = 2 * Number(Boolean(loss)) + 2 * Number(Boolean(score)) + 3 * Number(Boolean(wantsGradient))
    const name = `base and post of ${home.pair.name} on ${planned.name}`
    return await track({ name, unit: '%', total }, async ({ part }) => ({
      loss: loss ? await lossesOf(loss, part) : null,
      score: score
        ? {
            pre: await part(1, () => scoreAt('base', score.items)),
            post: await part(1, () => scoreAt('post', score.items)),
          }
        : null,
      gradient: wantsGradient ? share((await part(3, () => gradientOf(model, post, batches))).gradient) : null,
    }))
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
