// What a kind of adapter other than LoRA makes of lines of a tensor of its base.
import { type AdapterPart, type ModuleEdit, transpose } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import type { KindEdit } from './adapter-match.js'
import { round } from './dtype.js'
import type { SingleFile } from './single.js'

/** Lines from … to − 1 of the tensor as it was. */
type ReadLines = (from: number, to: number) => Promise<Float32Array>

interface Given {
  weights: SingleFile
  /** Format of the tensor in the base. */
  dtype: string
  /** Whether the tensor is the bias of the module. */
  isBias: boolean
  read: ReadLines
  /** Rows of the weight as it was, for a bias that is made of it. */
  weight: ReadLines
}

/** The module that was opened last for a file: its lines are asked for one block after the other. */
interface Opened {
  edit: KindEdit
  module: Promise<ModuleEdit>
  /** The whole weight with the adapter applied, as it is stored, where that is [inputs, outputs]: each line needs all rows. */
  turned?: Promise<Float32Array>
}

const opened = new WeakMap<SingleFile, Opened>()

/** Lines of the tensor with the adapter applied. */
export async function editedLines(
  edit: KindEdit,
  { weights, dtype, isBias, read, weight }: Given,
  lines: Interval,
): Promise<Float32Array> {
  let last = opened.get(weights)
  if (last?.edit !== edit) {
    last = { edit, module: openModule(edit, weights, dtype) }
    opened.set(weights, last)
  }
  const module = await last.module
  if (isBias) return module.bias ? module.bias(await read(0, 1), weight) : read(0, 1)
  if (!edit.turned) return editedRows(edit, module, { dtype, read, lines })
  last.turned ??= editedWhole(edit, module, dtype, read)
  return (await last.turned).slice(lines.from * edit.outputs, lines.to * edit.outputs)
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
