// What a kind of adapter other than LoRA makes of lines of a tensor of its base.
import { type AdapterPart, type ModuleEdit, transpose } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import type { KindEdit } from './adapter-kinds.js'
import type { Checkpoint } from './checkpoint.js'
import { round } from './dtype.js'
import type { SingleFile } from './single.js'

/** Lines from … to − 1 of the tensor as it was. */
type ReadLines = (from: number, to: number) => Promise<Float32Array>

interface Given {
  weights: SingleFile
  base: Checkpoint
  /** Format of the tensor in the base. */
  dtype: string
  /** Whether the tensor is the bias of the module. */
  isBias: boolean
  read: ReadLines
}

/** The modules of the tensor that was read last from a file: its lines are asked for one block after the other. */
interface Opened {
  weight: string
  modules: Map<KindEdit, { module: Promise<ModuleEdit>; whole?: Promise<Float32Array> }>
}

const opened = new WeakMap<SingleFile, Opened>()

/** Lines of the tensor with the edits applied, one after the other, each rounded to the format of the base, as peft merges them. */
export function editedLines(edits: readonly KindEdit[], given: Given, { from, to }: Interval): Promise<Float32Array> {
  const last = edits.reduce<ReadLines>(
    (read, edit, i) => async (from, to) => {
      const lines = await editedBy(edit, { ...given, read }, { from, to })
      return i === edits.length - 1 ? lines : round(lines, given.dtype)
    },
    given.read,
  )
  return last(from, to)
}

async function editedBy(
  edit: KindEdit,
  { weights, dtype, isBias, read, base }: Given,
  lines: Interval,
): Promise<Float32Array> {
  let tensor = opened.get(weights)
  if (tensor?.weight !== edit.weight) {
    tensor = { weight: edit.weight, modules: new Map() }
    opened.set(weights, tensor)
  }
  let last = tensor.modules.get(edit)
  if (!last) {
    last = { module: openModule(edit, weights, dtype) }
    tensor.modules.set(edit, last)
  }
  const module = await last.module
  if (isBias) {
    const weight: ReadLines = (from, to) =>
      base.readEntries(edit.weight, { from: from * edit.inputs, to: to * edit.inputs })
    return module.bias ? module.bias(await read(0, 1), weight) : read(0, 1)
  }
  if (!edit.turned) return editedRows(edit, module, { dtype, read, lines })
  // Each line needs all rows.
  last.whole ??= editedWhole(edit, module, dtype, read)
  return (await last.whole).slice(lines.from * edit.outputs, lines.to * edit.outputs)
}

/** A weight that is stored [inputs, outputs], with the adapter applied. */
async function editedWhole(edit: KindEdit, module: ModuleEdit, dtype: string, read: ReadLines): Promise<Float32Array> {
  const { outputs, inputs } = edit
  const straight = transpose(await read(0, inputs), inputs, outputs)
  const rows = async (from: number, to: number) => straight.slice(from * inputs, to * inputs)
  const whole = await editedRows(edit, module, { dtype, read: rows, lines: { from: 0, to: outputs } })
  return transpose(whole, outputs, inputs)
}

async function editedRows(
  { kind }: KindEdit,
  module: ModuleEdit,
  { dtype, read, lines }: { dtype: string; read: ReadLines; lines: Interval },
): Promise<Float32Array> {
  const { from, to } = lines
  const rows = await module.rows(from, to, read)
  if (kind.gives === 'weight') return rows
  if (kind.gives === 'rounded delta') round(rows, dtype)
  const values = await read(from, to)
  for (let i = 0; i < values.length; i++) values[i]! += rows[i]!
  return values
}

async function openModule(
  { kind, module, parts, shared, inOrder, ...known }: KindEdit,
  weights: SingleFile,
  dtype: string,
): Promise<ModuleEdit> {
  const load = async (names: ReadonlyMap<string, string>): Promise<Map<string, AdapterPart>> => {
    const loaded = new Map<string, AdapterPart>()
    for (const [part, name] of names) {
      const { shape, dtype } = weights.tensors.get(name)!
      loaded.set(part, { values: await weights.numbers(name), shape, dtype })
    }
    return loaded
  }
  const [own, common] = [await load(parts), await load(shared)]
  const file = weights.tensors.values().next().value!.file
  const fail = (why: string): never => {
    throw new UserError(`${file}: ${kind.type} of ${module}: ${why}`)
  }
  return kind.open({
    ...{ ...known, dtype, name: module, parts: own, shared: common, fail },
    round: (values) => round(values, dtype),
    inOrder: () =>
      inOrder ??
      fail('its numbers are dealt out in the order of the modules in the class of the model, which is not known'),
  })
}
