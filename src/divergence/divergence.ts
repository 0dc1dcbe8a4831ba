// How far an edited model is from the post-trained one, without labels: the metric `kl` of any task.
import { UserError } from '../errors/index.js'
import type { Batch, Model, Objective, Source, Weights } from '../models/index.js'
import { measurePositions } from './positions.js'
import { type Divergence, summarise } from './statistics.js'

/** Why a model of an objective has no divergence. */
const LACKS: Partial<Record<Objective, string>> = {
  value: 'gives a value, which is no distribution',
  replaced: 'tells replaced tokens from others, for which there are no tasks',
  features: 'has no head and gives features alone; metric cosine compares those',
}

/** @throws UserError for a model whose outputs are no distribution */
export function checkDivergence({ objective }: Pick<Model, 'objective'>, what: string): void {
  const lack = LACKS[objective]
  if (lack) throw new UserError(`kl compares the distributions that two models give, and ${what} ${lack}`)
}

/**
 * KL(post ‖ edited) at every position that the loss counts on these batches, over all outcomes, and what is told of it. Where the
 * vocabulary of one model is longer, the first tokens that both have are compared: both distributions are those over them alone.
 * @param model of both; `editedModel` where the edited one differs in the rows of its vocabulary
 * @throws UserError for a model without distributions; NotFinite naming the item, counted from 1
 */
export async function divergenceOf(
  model: Model,
  { post, edited }: { post: Weights | Source; edited: Weights | Source },
  batches: readonly Batch[],
  { editedModel = model }: { editedModel?: Model } = {},
): Promise<Divergence> {
  checkDivergence(model, 'this model')
  return summarise(await measurePositions({ model, weights: post }, { model: editedModel, weights: edited }, batches))
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
  const { kl, se, perplexityRatio: ratio } = found
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
      : {
          perplexity: Math.exp(found.lossEdited),
          perplexity_post: Math.exp(found.lossPost),
          perplexity_ratio: ratio.value,
          ...(Number.isFinite(ratio.se) && { perplexity_ratio_se: ratio.se }),
        }),
  }
}
