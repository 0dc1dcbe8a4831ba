// One edit applied to the selected tensors of a pair: the edited weights, the change T = F(Δ) − Δ, and its counts and norms.
import type { Edit } from '../config/index.js'
import { applySteps, bitsOf, editorNamed, takeCensus } from '../editors/index.js'
import type { Change, FedInputs, Gradient } from '../loss/index.js'
import type { Weights } from '../models/index.js'
import { tf } from '../tensor/index.js'
import type { Residence } from './residence.js'

export interface Applied {
  /** All weights of the edited model; unedited tensors are those of the post-trained model. */
  weights: Weights
  change: Change
  tensors: number
  parameters: number
  kept: number
  bitsPerParameter: number
  deltaNorm: number
  editNorm: number
  /** Norm of the change of each tensor. */
  norms: Map<string, number>
  /** Frees the edited tensors; those of the post-trained model stay. */
  dispose(): void
}

/**
 * Applies the steps to every selected tensor: W = base + F(Δ), or W = F(post) when the edit is on the weights. Sums are
 * float64.
 */
export async function applyEdit(
  home: Residence, edit: Edit, seed: number | null, gradient: Gradient | null, fed?: ReadonlyMap<string, FedInputs>,
): Promise<Applied> {
  const steps = edit.steps.map(({ editor, options }) => ({ editor: editorNamed(editor), options }))
  const names = home.select(edit.tensors)
  const sourceOf = async (name: string) => (edit.on === 'delta' ? home.delta.get(name)! : ((await home.post[name].data()) as Float32Array))
  const census = await takeCensus(steps, async function* () {
    for (const name of names) yield [name, await sourceOf(name)] as const
  })
  const edited: Weights = {}
  const change: Change = new Map()
  const norms = new Map<string, number>()
  let [parameters, kept, bits, deltaSquares, editSquares] = [0, 0, 0, 0, 0]
  for (const name of names) {
    const shape = [...home.shapes[name]]
    const [delta, base] = [home.delta.get(name)!, home.base.get(name)!]
    const source = edit.on === 'delta' ? tf.tensor(delta, shape) : home.post[name]
    const slope = gradient?.get(name)
    const gradientTensor = slope && tf.tensor(slope, shape)
    const context = { seed: seed ?? 0, tensor: name, gradient: gradientTensor, inputs: fed?.get(name), census, cache: home.caches[edit.on] }
    const output = await applySteps(steps, source, context)
    const values = (await output.data()) as Float32Array
    tf.dispose([output, ...(edit.on === 'delta' ? [source] : []), ...(gradientTensor ? [gradientTensor] : [])])

    const origin = (await home.post[name].data()) as Float32Array
    const weights = new Float32Array(values.length)
    const step = new Float32Array(values.length)
    let [squares, deltaPart, nonZero] = [0, 0, 0]
    for (let i = 0; i < step.length; i++) {
      step[i] = values[i] - (edit.on === 'delta' ? delta[i] : origin[i])
      // base + (post − base) is not post to the last bit; an entry that does not change keeps its post-trained value.
      weights[i] = step[i] === 0 ? origin[i] : edit.on === 'delta' ? base[i] + values[i] : values[i]
      squares += step[i] * step[i]
      deltaPart += delta[i] * delta[i]
      if (values[i] !== 0) nonZero++
    }
    edited[name] = tf.tensor(weights, shape)
    change.set(name, step)
    norms.set(name, Math.sqrt(squares))
    parameters += values.length
    kept += nonZero
    editSquares += squares
    deltaSquares += deltaPart
    bits += await bitsOf(steps, shape, nonZero, context)
  }
  return {
    weights: { ...home.post, ...edited },
    change,
    tensors: names.length,
    parameters,
    kept,
    bitsPerParameter: bits / parameters,
    deltaNorm: Math.sqrt(deltaSquares),
    editNorm: Math.sqrt(editSquares),
    norms,
    dispose: () => tf.dispose(edited),
  }
}
