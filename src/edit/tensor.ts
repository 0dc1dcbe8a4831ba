// The edit of one tensor of a pair: what the editor sees, what becomes of the weights, and the sums for the summary.
import { type Checkpoint, isBatch, openCheckpoint, type Pair } from '../checkpoint/index.js'
import { applyToValues, bitsOf, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'

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
  grams?: Grams
  onWarning?: (text: string) => void
}

/** Gram matrices of the inputs of linear layers, under the names of their weights. */
export interface Grams {
  folder: string
  read(name: string): Promise<Float32Array | undefined>
  close(): Promise<void>
}

/** @throws UserError for a folder whose matrices are not [columns, columns] of the weights of that name, or that has none of them. */
export async function openGrams(folder: string, { names, post }: Pair): Promise<Grams> {
  const { tensors, read, close } = await openCheckpoint(folder)
  const known = names.filter((name) => tensors.has(name))
  if (!known.length)
    throw new UserError(
      `${folder} has no tensor under the name of a weight: deltalab information --kind gram writes such a folder`,
    )
  for (const name of known) {
    const [weight, { shape }] = [post.tensors.get(name)!.shape, tensors.get(name)!]
    const wanted = [...weight.slice(0, -2), weight.at(-1), weight.at(-1)].join(', ')
    if (shape.join(', ') !== wanted)
      throw new UserError(`${folder}: ${name} is [${shape}], but the Gram matrix of its inputs is [${wanted}]`)
  }
  return { folder, close, read: async (name) => (tensors.has(name) ? read(name) : undefined) }
}

/** What the editor gets of a tensor, or of some of its rows: post − base, or post itself. */
export async function readInput(
  { base, post }: Pair,
  name: string,
  on: 'delta' | 'weights',
  rows?: { from: number; to: number },
): Promise<Float32Array> {
  const read = (checkpoint: Checkpoint) => (rows ? checkpoint.readRows(name, rows) : checkpoint.read(name))
  const values = await read(post)
  if (on === 'weights') return values
  const before = await read(base)
  for (let i = 0; i < values.length; i++) values[i]! -= before[i]!
  return values
}

/** The edited weights. Entries that the edit leaves alone are post's, dropped ones base's, without rounding. */
export async function editTensor(
  pair: Pair,
  name: string,
  { steps, seed, on, census, grams, onWarning }: TensorEdit,
  tally: Tally | null,
) {
  const { shape } = pair.post.tensors.get(name)!
  const context = {
    seed,
    tensor: name,
    batch: isBatch(name, shape),
    census,
    gram: await grams?.read(name),
    onWarning,
    cache: new Map<string, Promise<unknown>>(),
  }
  const input = await readInput(pair, name, on)
  const out = await applyToValues(steps, input, shape, context)
  const after = await pair.post.read(name)
  const before = on === 'delta' ? await pair.base.read(name) : null
  let [kept, delta2, edit2] = [0, 0, 0]
  for (let i = 0; i < out.length; i++) {
    const d = input[i]!
    const f = out[i]!
    if (f === d) out[i] = after[i]!
    else if (before) out[i] = before[i]! + f
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
