// Measures the loss change of an edited model: exactly, and as a Riemann sum along the path from the post-trained weights.
import type { LossSettings } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { classifyChange, type Gradient, type Loss, lossOf, type PathSum, riemannSum, ruleNodes } from '../loss/index.js'
import { type Batch, type Model, NotFinite, type Source, type Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import type { Row } from '../record/index.js'
import type { Task } from '../tasks/index.js'
import type { EditedModel } from './edited-model.js'

/** What a change is measured on. Weights are held, or read block by block. */
export interface Ground {
  model: Model
  post: Weights | Source
  /** The items of the loss, and their batches. */
  task: Task
  batches: readonly Batch[]
  /** Losses of base and post-trained model on these batches. */
  loss: { pre: Loss; post: Loss }
  /** Gradient of the loss at the post-trained weights, where it is known. */
  gradient?: Gradient | null
}

/** Forward passes over the items that the measuring takes, about: a gradient counts as three. */
export const passesOf = ({ rule, steps, riemann }: Pick<LossSettings, 'rule' | 'steps' | 'riemann'>): number =>
  1 + (riemann ? 3 * ruleNodes(rule, steps).length : 0)

/** The sum for an edit that changes nothing: there is no direction to differentiate in. */
const NO_CHANGE: PathSum = { sum: 0, terms: new Map() }

/**
 * The columns of the loss, and the Riemann sum with its terms where it is asked for.
 * @throws UserError where the loss of the edited model is not finite
 */
export async function measureChange(
  { model, post, task, batches, loss, gradient }: Ground,
  edited: EditedModel,
  { rule, steps, riemann }: Pick<LossSettings, 'rule' | 'steps' | 'riemann'>,
): Promise<{ columns: Partial<Row>; path: PathSum | null }> {
  const lossAfter = () =>
    (edited.routed ? edited.routed.loss(task) : lossOf(model, edited.weights, batches)).catch((error: unknown) => {
      throw error instanceof NotFinite
        ? new UserError('loss_edited is NaN or infinite: the edit is too strong for float32', { cause: error })
        : error
    })
  const along = async () =>
    edited.editNorm === 0
      ? NO_CHANGE
      : riemannSum(model, { post, change: edited.change }, batches, { rule, steps, origin: gradient })
  // If every item has its own weights, there is no common path.
  const hasPath = riemann && !edited.routed
  const total = passesOf({ rule, steps, riemann })
  const { after, path } = await track({ name: 'loss change', unit: '%', total }, async ({ part }) => ({
    after: await part(1, lossAfter),
    path: hasPath ? await part(total - 1, along) : null,
  }))
  const { change, standardError, class: verdict } = classifyChange(loss.post, after)
  return {
    path,
    columns: {
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
