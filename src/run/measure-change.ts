// Measures the loss change of an edited model: exactly, and as a Riemann sum along the path from the post-trained weights.
import type { LossSettings } from '../config/index.js'
import { divergenceOf, type KeptStates } from '../divergence/index.js'
import { UserError } from '../errors/index.js'
import {
  classifyChange,
  classifyDivergence,
  type Gradient,
  gradientNodes,
  type Loss,
  lossOf,
  type PathSum,
  riemannSum,
} from '../loss/index.js'
import { type Batch, type Model, NotFinite, type Source, type Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import type { LossKind, Row } from '../record/index.js'
import type { Task } from '../tasks/index.js'
import type { EditedModel } from './edited-model.js'

/** What a change is measured on. Weights are held, or read block by block. */
export interface Ground {
  model: Model
  post: Weights | Source
  /** Last hidden states of post, where they are kept. */
  states?: KeptStates | undefined
  /** The items of the loss, and their batches. */
  task: Task
  batches: readonly Batch[]
  /** Losses of base and post-trained model on these batches, of the kind that is measured. */
  loss: { pre: Loss; post: Loss }
  /** Gradient of the task's loss at the post-trained weights, where it is known. */
  gradient?: Gradient | null
}

type Wanted = Pick<LossSettings, 'kind' | 'rule' | 'steps' | 'riemann'>

/** Forward passes over the items that the measuring takes, about: a gradient counts as three. The sum of a divergence passes post once. */
export const passesOf = ({ riemann, ...settings }: Wanted): number =>
  1 + (riemann ? Number(settings.kind === 'kl') + 3 * gradientNodes(settings).length : 0)

/** A loss, and its standard error where it is more than the items say. */
type Measured = Loss & { se?: number }

/** The loss of a model on the batches: on their labels, or as the divergence from post. */
export async function lossBy(
  kind: LossKind,
  { model, post, states }: Pick<Ground, 'model' | 'post' | 'states'>,
  weights: Weights | Source,
  batches: readonly Batch[],
): Promise<Measured> {
  if (kind !== 'kl') return lossOf(model, weights, batches)
  const { kl, se } = await divergenceOf(model, { post, edited: weights }, batches, { states })
  return { ...kl, ...(Number.isFinite(se) && { se }) }
}

/** The divergence of post from itself, on the items of another one. */
export const noDivergence = ({ tokens, itemSums, itemTokens }: Loss): Loss => ({
  mean: 0,
  tokens,
  itemSums: itemSums.map(() => 0),
  itemTokens,
})

/** The sum for an edit that changes nothing: there is no direction to differentiate in. */
const NO_CHANGE: PathSum = { sum: 0, terms: new Map() }

/**
 * The columns of the loss, and the Riemann sum with its terms where it is asked for.
 * @throws UserError where the loss of the edited model is not finite
 */
export async function measureChange(
  { task, batches, loss, gradient, ...home }: Ground,
  edited: EditedModel,
  { kind, rule, steps, riemann }: Wanted,
): Promise<{ columns: Partial<Row>; path: PathSum | null }> {
  const lossAfter = (): Promise<Measured> =>
    (edited.routed ? edited.routed.loss(task, kind) : lossBy(kind, home, edited.weights, batches)).catch(
      (error: unknown) => {
        throw error instanceof NotFinite
          ? new UserError('loss_edited is NaN or infinite: the edit is too strong for float32', { cause: error })
          : error
      },
    )
  const along = async () =>
    edited.editNorm === 0
      ? NO_CHANGE
      : riemannSum(home.model, { post: home.post, change: edited.change }, batches, {
          kind,
          rule,
          steps,
          origin: gradient,
        })
  // If every item has its own weights, there is no common path.
  const hasPath = riemann && !edited.routed
  const total = passesOf({ kind, rule, steps, riemann })
  const { after, path } = await track({ name: 'loss change', unit: '%', total }, async ({ part }) => ({
    after: await part(1, lossAfter),
    path: hasPath ? await part(total - 1, along) : null,
  }))
  const {
    change,
    standardError: error,
    class: verdict,
  } = kind === 'kl' ? classifyDivergence(after) : classifyChange(loss.post, after)
  const standardError = after.se ?? error
  return {
    path,
    columns: {
      loss_kind: kind === 'kl' ? kind : null,
      loss_pre: loss.pre.mean,
      loss_post: loss.post.mean,
      loss_edited: after.mean,
      loss_change: change,
      loss_change_se: Number.isFinite(standardError) ? standardError : null,
      loss_items: loss.post.itemTokens.filter((tokens) => tokens > 0).length,
      loss_tokens: loss.post.tokens,
      riemann_rule: path && rule,
      riemann_steps: path && steps,
      riemann_sum: path && path.sum,
      class: verdict,
    },
  }
}
