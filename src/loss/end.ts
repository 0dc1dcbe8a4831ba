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
  /** The losses of the passes whose outputs came in parts, given their sums; the caller disposes them. None of a divergence, whose values are taken elsewhere. */
  finish(sums: readonly (EndSums | null)[]): Tensor[]
  dispose(): void
}

/** A function of the outputs of a pass. */
export interface Closing {
  name: string
  /** The tensors that it reads beside the outputs; null where it makes some of values that are others each time. */
  tensors: readonly Tensor[] | null
  /** With the derivative of the summed loss, and the losses, where they are made on the way. */
  apply(outputs: Tensor): { value: Tensor; losses?: Tensor }
}

/** The last stretch, or a part of it. */
export interface EndPart {
  /** Adds the outputs of a part to the sums of a pass. */
  fold: Fold<EndSums>
  /** Of pass i. It runs inside a tidy, and what it gives, too. */
  close(i: number, sums: EndSums | null): Closing
  dispose(): void
}

/** The loss of the task. */
export function lossEnd({ objective }: Model, passes: readonly Pass[]): End {
  return {
    open: async ({ part }) => ({
      fold: (state, outputs, from, i) =>
        addPart(objective, state as PartLosses | null, { outputs, labels: passes[i]!.labels(), from }),
      close(i, sums) {
        const labels = passes[i]!.labels()
        const { high } = (sums ?? {}) as Partial<PartLosses>
        return {
          name: 'loss',
          tensors: high ? [labels, high] : [labels],
          apply(outputs) {
            if (high) return { value: partPull(outputs, labels, part!.from, high) }
            const losses = passes[i]!.losses(outputs, labels)
            return { value: losses.sum(), losses }
          },
        }
      },
      dispose: () => {},
    }),
    finish: (sums) => sums.map((state) => tf.tidy(() => finishParts(state as PartLosses))),
    dispose: () => {},
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
          return {
            name: 'divergence',
            tensors: [from, ...Object.values(sums ?? {})],
            apply: (outputs) => ({
              value: sums
                ? partPullFrom(outputs, from, sums as PartHighs)
                : divergencesOf(objective, outputs, from).sum(),
            }),
          }
        },
        dispose: part.dispose,
      }
    },
    finish: () => [],
    dispose: held.dispose,
  }
}
