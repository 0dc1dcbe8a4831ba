// The edit of one tensor of a pair: what the editor sees, what becomes of the weights, and the sums for the summary.
import type { Pair } from '../checkpoint/index.js'
import { applyToValues, bitsOf, type Step } from '../editors/index.js'

/** Sums over the edited tensors. */
export interface Tally {
  tensors: number
  parameters: number
  kept: number
  bits: number
  delta2: number
  edit2: number
}

export interface TensorEdit {
  steps: readonly Step[]
  seed: number
  on: 'delta' | 'weights'
  census: readonly unknown[]
  onWarning?: (text: string) => void
}

/** What the editor gets of a tensor: post − base, or post itself. */
export async function readInput({ base, post }: Pair, name: string, on: 'delta' | 'weights'): Promise<Float32Array> {
  const values = await post.read(name)
  if (on === 'weights') return values
  const before = await base.read(name)
  for (let i = 0; i < values.length; i++) values[i] -= before[i]
  return values
}

/** The edited weights. Entries that the edit leaves alone are post's, dropped ones base's, without rounding. */
export async function editTensor(pair: Pair, name: string, { steps, seed, on, census, onWarning }: TensorEdit, tally: Tally | null) {
  const { shape } = pair.post.tensors.get(name)!
  const context = { seed, tensor: name, census, onWarning, cache: new Map<string, Promise<unknown>>() }
  const input = await readInput(pair, name, on)
  const out = await applyToValues(steps, input, shape, context)
  const after = await pair.post.read(name)
  const before = on === 'delta' ? await pair.base.read(name) : null
  let [kept, delta2, edit2] = [0, 0, 0]
  for (let i = 0; i < out.length; i++) {
    const d = input[i]
    const f = out[i]
    if (f === d) out[i] = after[i]
    else if (before) out[i] = before[i] + f
    if (f !== 0) kept++
    delta2 += d * d
    edit2 += (f - d) * (f - d)
  }
  if (tally) {
    tally.tensors++
    tally.parameters += out.length
    tally.kept += kept
    tally.bits += await bitsOf(steps, shape, kept, context)
    tally.delta2 += delta2
    tally.edit2 += edit2
  }
  return out
}
