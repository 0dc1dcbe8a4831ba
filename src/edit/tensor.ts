// The edit of one tensor of a pair: what the editor sees, what becomes of the weights, and the sums for the summary.
import {
  type Checkpoint,
  inputWidth,
  matrixLayout,
  openCheckpoint,
  type Pair,
  weightRows,
} from '../checkpoint/index.js'
import { bitsOf, type ChangeSums, editsBlocks, editTensor, isPerMatrix, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import { countEntries } from '../tensor/index.js'

/** What is found of a tensor when it is edited; plain data. */
export interface EditFound extends ChangeSums {
  /** Where editors degenerate. */
  warnings: readonly string[]
  /** Bits that would store it, where that depends on more than the number of entries kept. */
  bits?: number
}

export interface WeightEdit {
  steps: readonly Step[]
  seed: number
  on: 'delta' | 'weights'
  scanned: readonly unknown[]
  grams?: Grams | undefined
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
    const inputs = inputWidth(name, weight, post.config)
    const wanted = [...weight.slice(0, -2), inputs, inputs].join(', ')
    if (shape.join(', ') !== wanted)
      throw new UserError(`${folder}: ${name} is [${shape}], but the Gram matrix of its inputs is [${wanted}]`)
  }
  return { folder, close, read: async (name) => (tensors.has(name) ? read(name) : undefined) }
}

/** The input of an edit: post − base, or post itself; of a whole tensor, or of some of its rows. */
export async function readInput(
  { base, post }: Pair,
  name: string,
  on: 'delta' | 'weights',
  rows: Interval | null = null,
): Promise<Float32Array> {
  const read = (checkpoint: Checkpoint) => (rows ? weightRows(checkpoint, name, rows) : checkpoint.read(name))
  const values = await read(post)
  if (on === 'weights') return values
  const before = await read(base)
  for (let i = 0; i < values.length; i++) values[i]! -= before[i]!
  return values
}

/** Whether rows of a tensor can be edited without the rest of it. */
export const editsRows = (steps: readonly Step[], { batch }: { batch: boolean }): boolean =>
  editsBlocks(steps) && !(batch && steps.some(({ editor }) => isPerMatrix(editor)))

/** What the edit of a tensor depends on besides its values. */
export const drawContext = ({ post }: Pair, name: string, seed: number) => ({
  seed,
  tensor: name,
  ...matrixLayout(name, post.tensors.get(name)!.shape, post.config),
})

/**
 * The edited weights by the definitions, or rows of them where `editsRows` allows that. Entries that the edit leaves alone are post's,
 * dropped ones base's, without rounding.
 */
export async function editWeights(
  pair: Pair,
  name: string,
  { steps, seed, on, scanned, grams }: WeightEdit,
  rows: Interval | null,
): Promise<{ values: Float32Array; found: EditFound }> {
  const { shape: whole } = pair.post.tensors.get(name)!
  const shape = rows ? [rows.to - rows.from, ...whole.slice(1)] : whole
  const warnings: string[] = []
  const context = {
    ...drawContext(pair, name, seed),
    scanned,
    offset: rows ? rows.from * countEntries(whole.slice(1)) : undefined,
    gram: await grams?.read(name),
    onWarning: (text: string) => void warnings.push(text),
    cache: new Map<string, Promise<unknown>>(),
  }
  const read = (checkpoint: Checkpoint) => (rows ? weightRows(checkpoint, name, rows) : checkpoint.read(name))
  const input = await readInput(pair, name, on, rows)
  const { values, ...sums } = await editTensor(steps, input, shape, context)
  const after = await read(pair.post)
  const before = on === 'delta' ? await read(pair.base) : null
  for (let i = 0; i < values.length; i++) {
    const edited = values[i]!
    if (edited === input[i]) values[i] = after[i]!
    else if (before) values[i] = before[i]! + edited
  }
  const found = { ...sums, warnings }
  return { values, found: rows ? found : { ...found, bits: await bitsOf(steps, shape, sums.kept, context) } }
}
