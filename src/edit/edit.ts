// Edits the delta of a pair of checkpoints and writes the result as a checkpoint, one tensor in memory at a time.
import { realpath } from 'node:fs/promises'
import {
  isFloating, selectTensors, WRITABLE, writeCheckpoint, type Pair, type PlannedTensor, type Selection, type TensorContent, type WritableDtype,
} from '../checkpoint/index.js'
import { applyToValues, bitsOf, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'

export interface EditOptions extends Selection {
  steps: readonly Step[]
  seed: number
  /** `weights` edits the post-trained weights themselves (an ablation of DARE) instead of the delta. */
  on: 'delta' | 'weights'
  /** Format of every floating tensor; each keeps that of the post-trained model when left out. */
  dtype?: WritableDtype
  maxShardBytes?: number
  overwrite?: boolean
  /** README.md, and strings for the headers of the weight files. */
  card?: string
  metadata?: Record<string, string>
  /** Called after each tensor with its name and its bytes in the post-trained model. */
  onTensor?: (name: string, bytes: number) => void
}

/** What was edited; the words of a sweep's row. */
export interface EditSummary {
  tensors: number
  parameters: number
  /** Non-zero entries of the edited delta (of the edited weights with `on: weights`). */
  kept: number
  /** Bits to store the edited delta, per parameter. */
  bits_per_parameter: number
  /** Norms of what was edited and of its change, before the weights are rounded to the written format. */
  delta_norm: number
  edit_norm: number
}

/** Sums over the edited tensors. */
interface Tally {
  tensors: number
  parameters: number
  kept: number
  bits: number
  delta2: number
  edit2: number
}

/** Throws a UserError for editors that need a gradient, which only a sweep has. */
export function checkSteps(steps: readonly Step[]): void {
  for (const { editor, options } of steps) {
    if (!editor.needsGradient?.(options)) continue
    throw new UserError(`editor ${editor.name} with these options needs the gradient of a task's loss; edit knows no task: use it in a sweep or in attribute`)
  }
}

/** Tensors that are not selected, and non-floating ones, are the post-trained model's bit for bit (unless `dtype` changes them). */
export async function editCheckpoint(pair: Pair, out: string, options: EditOptions): Promise<EditSummary> {
  checkSteps(options.steps)
  const { base, post } = pair
  const selected = new Set(selectTensors(pair.names.map((name) => post.tensors.get(name)!), options))
  const target = await realpath(out).catch(() => out)
  for (const { folder } of [base, post]) {
    if ((await realpath(folder)) === target) throw new UserError(`${out} is the folder of an input; choose another name`)
  }
  // A stored copy of a tied weight is edited like its source: same name for the key, counted once.
  const sourceOf = (name: string): string => pair.tied.get(name) ?? name
  const plan = [...post.tensors.values()].map(({ name, dtype, shape }): PlannedTensor =>
    ({ name, shape, dtype: plannedDtype(dtype, options.dtype, selected.has(sourceOf(name))) }))
  const tally: Tally = { tensors: 0, parameters: 0, kept: 0, bits: 0, delta2: 0, edit2: 0 }

  async function* contents(): AsyncGenerator<TensorContent> {
    for (const { name, dtype } of plan) {
      const entry = post.tensors.get(name)!
      const source = sourceOf(name)
      if (selected.has(source)) yield { name, values: await editTensor(pair, source, options, source === name ? tally : null) }
      else if (dtype === entry.dtype) yield { name, bytes: await post.readBytes(name) }
      else yield { name, values: await post.read(name) }
      options.onTensor?.(name, entry.end - entry.begin)
    }
  }
  await writeCheckpoint(out, { ...options, plan, tensors: contents(), config: post.config ? null : base.config, copyFrom: post.folder })
  const { tensors, parameters, kept, bits, delta2, edit2 } = tally
  return { tensors, parameters, kept, bits_per_parameter: bits / parameters, delta_norm: Math.sqrt(delta2), edit_norm: Math.sqrt(edit2) }
}

/** Weights can be edited in every floating format, but F64 is not written: an edited F64 tensor becomes F32. */
function plannedDtype(stored: string, wanted: WritableDtype | undefined, edited: boolean): string {
  if (!isFloating(stored)) return stored
  return wanted ?? (edited && !(WRITABLE as readonly string[]).includes(stored) ? 'F32' : stored)
}

/** The edited weights of one tensor. Entries that the edit leaves alone are post's, dropped ones base's, without rounding. */
async function editTensor({ base, post }: Pair, name: string, { steps, seed, on }: EditOptions, tally: Tally | null): Promise<Float32Array> {
  const after = await post.read(name)
  const before = on === 'delta' ? await base.read(name) : null
  const input = before ? new Float32Array(after.length) : after
  if (before) for (let i = 0; i < input.length; i++) input[i] = after[i] - before[i]

  const { shape } = post.tensors.get(name)!
  const context = { seed, tensor: name, cache: new Map<string, Promise<unknown>>() }
  const out = await applyToValues(steps, input, shape, context)
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
