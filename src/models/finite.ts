// A model whose outputs are no numbers any more says nothing: no loss, no score, no choice is made of them.
import { UserError } from '../errors/index.js'

/** Outputs of a model, or sums of them, that are NaN or infinite. */
export class NotFinite extends UserError {}

/** @param what of each value, by its index @throws NotFinite for the first value that is not finite */
export function checkFinite(values: ArrayLike<number>, what: (index: number) => string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    throw new NotFinite(
      `${what(i)} is ${values[i]}: what the model computes is beyond float32; its config.json or its weights cannot be right`,
    )
  }
}
