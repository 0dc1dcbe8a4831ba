// How far an edited model is from the post-trained one, without labels: the metric `kl` of any task.
import { type Batch, checkDivergence, type Model, type Source, type Weights } from '../models/index.js'
import { measurePositions } from './measure.js'
import type { KeptStates } from './states.js'
import { type Divergence, summarise } from './statistics.js'

/**
 * KL(post ‖ edited) at every position that the loss counts on these batches, over all outcomes, and what is told of it. Where the
 * vocabulary of one model is longer, the first tokens that both have are compared: both distributions are those over them alone.
 * @param model of both; `editedModel` where the edited one differs in the rows of its vocabulary; `states`: where those of post are kept
 * @throws UserError for a model without distributions; NotFinite naming the item, counted from 1
 */
export async function divergenceOf(
  model: Model,
  { post, edited }: { post: Weights | Source; edited: Weights | Source },
  batches: readonly Batch[],
  { editedModel = model, states }: { editedModel?: Model; states?: KeptStates | undefined } = {},
): Promise<Divergence> {
  checkDivergence(model, 'this model')
  return summarise(
    await measurePositions({ model, weights: post, states }, { model: editedModel, weights: edited }, batches),
  )
}

/**
 * The scores by the names that rows and figures know; `kl` is first. Where outcomes are classes, `flips.CLASS` is the share of the
 * items of that class of post that another class is given; of tokens there are perplexities.
 * @param classes what classes are called; their numbers otherwise
 */
export function divergenceScores(
  { objective }: Pick<Model, 'objective'>,
  found: Divergence,
  classes: readonly string[] = [],
): Record<string, number> {
  const { kl, se } = found
  return {
    kl: kl.mean,
    ...(Number.isFinite(se) && { kl_se: se }),
    kl_median: found.median,
    kl_p90: found.p90,
    kl_p99: found.p99,
    kl_p999: found.p999,
    kl_max: found.max,
    same_top: found.sameTop,
    right_change: found.rightChange,
    ...(objective === 'classes'
      ? Object.fromEntries([...found.flips].map(([top, share]) => [`flips.${classes[top] ?? top}`, share]))
      : perplexities(found)),
  }
}

/** None where one is beyond float64, which a divergence is not: that of an edit which makes a right token all but impossible. */
function perplexities({ lossPost, lossEdited, perplexityRatio: ratio }: Divergence): Record<string, number> {
  const all = { perplexity: Math.exp(lossEdited), perplexity_post: Math.exp(lossPost), perplexity_ratio: ratio.value }
  if (!Object.values(all).every(Number.isFinite)) return {}
  return { ...all, ...(Number.isFinite(ratio.se) && { perplexity_ratio_se: ratio.se }) }
}

/** Scores that are 1 where nothing differs; the others are 0. */
const OWN = ['same_top', 'perplexity_ratio', 'cosine', 'cosine_median', 'cosine_min']

/** The scores of post itself, from those of any model beside it. */
export const ownScores = (scores: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.keys(scores).map((name) => {
      if (name === 'perplexity' || name === 'perplexity_post') return [name, scores.perplexity_post!]
      return [name, OWN.includes(name) ? 1 : 0]
    }),
  )
