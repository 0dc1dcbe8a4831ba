// What is differentiated at the end of the chain: the loss on the labels, or the divergence from another model.
import {
  addHighs,
  addPart,
  divergencesOf,
  type Fold,
  finishParts,
  type Model,
  type PartHighs,
  type PartLosses,
  partPull,
  partPullFrom,
  type Source,
  type Visit,
} from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Pass } from './pass.js'
import { holdStill } from './still.js'

/** Sums over the vocabulary of each counted output, where its projection comes in parts. */
export type EndSums = Record<string, Tensor>

/** For the passes of a group; its owner disposes it. */
export interface End {
  open(visit: Visit): Promise<EndPart>
  /** The losses of the passes, given their sums; the caller disposes them. None of a divergence, whose values are taken elsewhere. */
  finish(sums: readonly (EndSums | null)[]): Tensor[]
  dispose(): void
}

/** The last stretch, or a part of it. */
export interface EndPart {
  /** Adds the outputs of a part to the sums of a pass. */
  fold: Fold<EndSums>
  /** Of pass i: a function of its outputs with the derivative of the summed loss. Both run inside a tidy. */
  close(i: number, sums: EndSums | null): (outputs: Tensor) => Tensor
  dispose(): void
}

/** The loss of the task. */
export function lossEnd({ objective }: Model, passes: readonly Pass[]): End {
  const kept: Tensor[] = []
  return {
    open: async ({ part }) => ({
      fold: (state, outputs, from, i) =>
        addPart(objective, state as PartLosses | null, { outputs, labels: passes[i]!.labels(), from }),
      close(i, sums) {
        const labels = passes[i]!.labels()
        if (sums) return (outputs) => partPull(outputs, labels, part!.from, sums.high!)
        return (outputs) => {
          const losses = passes[i]!.losses(outputs, labels)
          kept[i] = tf.keep(losses)
          return losses.sum()
        }
      },
      dispose: () => {},
    }),
    finish: (sums) =>
      kept.length ? kept.splice(0) : sums.map((state) => tf.tidy(() => finishParts(state as PartLosses))),
    dispose: () => tf.dispose(kept),
  }
}

/** KL(still ‖ model): one forward pass of `still`, which serves every gradient of the group. */
export async function divergenceEnd({ objective }: Model, still: Source, passes: readonly Pass[]): Promise<End> {
  const held = await holdStill(still, passes)
  return {
    async open(visit) {
      const part = await held.open(visit)
      return {
        fold: (state, outputs, _, i) => addHighs(state as PartHighs | null, outputs, part.outputs(i)),
        close(i, sums) {
          const from = part.outputs(i)
          return (outputs) =>
            sums ? partPullFrom(outputs, from, sums as PartHighs) : divergencesOf(objective, outputs, from).sum()
        },
        dispose: part.dispose,
      }
    },
    finish: () => [],
    dispose: held.dispose,
  }
}
