// One module of an adapter of peft: what it is given, and what it makes of the weight of its module.
import type { z } from 'zod'

/** Entries of a stored tensor, as float32, and its shape. */
export interface AdapterPart {
  values: Float32Array
  shape: readonly number[]
  /** Format in the file. */
  dtype?: string
}

/** A module by its name in the model. Its weight is [out, in]; of a convolution in is each entry of the kernel of each channel. */
export interface ModuleShape {
  name: string
  outputs: number
  inputs: number
}

/** What a kind of adapter knows of a module. */
export interface AdapterModule<Config> extends ModuleShape {
  /** Format of the weight in the base. */
  dtype: string
  /** Entries of a kernel: 1 for what is no convolution. */
  kernel: number
  config: Config
  /** The modules of the adapter in the order in which the model's class has them. @throws UserError where that is not known */
  inOrder(): readonly ModuleShape[]
  /** The most outputs and inputs of all modules of the adapter. */
  most: { outputs: number; inputs: number }
  /** Its own tensors, by their names behind that of the module. */
  parts: ReadonlyMap<string, AdapterPart>
  /** Tensors of all modules together. */
  shared: ReadonlyMap<string, AdapterPart>
  /** The adapter's file holds the weight itself, as training left it: what peft takes from the base at the start is gone from it. */
  started: boolean
  /** Rounds values, in place, to the format of the weight in the base. */
  round(values: Float32Array): Float32Array
  /** @throws UserError that names the module, what is wrong with it, and what would be right */
  fail(why: string): never
}

/** Rows from … to − 1 of the weight of the base. */
export type ReadBaseRows = (from: number, to: number) => Promise<Float32Array>

/** What an adapter makes of the weight of its module. */
export interface ModuleEdit {
  /** Rows from … to − 1 of what is added; or of the whole weight. */
  rows(from: number, to: number, base: ReadBaseRows): Promise<Float32Array> | Float32Array
  /** The bias, where the adapter changes it. */
  bias?(bias: Float32Array, base: ReadBaseRows): Float32Array | Promise<Float32Array>
}

/** A kind of adapter of peft. */
export interface AdapterKind<Config = unknown> {
  /** `peft_type` in adapter_config.json. */
  type: string
  /** What a module's tensors are called behind its name; `*` stands for one name between dots. */
  parts: readonly string[]
  /** What tensors of all modules are called behind `base_model.`. */
  shared?: readonly string[]
  /** Whether a module with these parts changes its bias: where it has one, or as one that it must have. */
  changesBias?(parts: ReadonlySet<string>): 'where it is' | 'needed' | false
  /** A file may have nothing of single modules: all that the configuration targets are meant. */
  everyModule?: boolean
  /** What all modules share is dealt out over them in their order, so that each one that the configuration targets counts. */
  isDealtOut?: boolean
  /** Parts may have no entries: what was pruned away. */
  mayBeEmpty?: boolean
  /** The weight stays. */
  keepsWeight?: boolean
  /** Weights of convolutions are taken too. */
  convolutions?: boolean
  /** `rows` gives what is added, or the whole weight. `rounded`: peft rounds what is added to the format of the base first. */
  gives: 'delta' | 'rounded delta' | 'weight'
  config: z.ZodType<Config>
  /** @throws UserError for parts that are missing or do not fit */
  open(module: AdapterModule<Config>): ModuleEdit | Promise<ModuleEdit>
}

/** Keeps the type of the configuration within a kind. */
export const adapterKind = <Config>(kind: AdapterKind<Config>): AdapterKind => kind as AdapterKind

/** A part as a matrix: of a convolution all that is behind its first side is one. @throws UserError as `need` does */
export function needMatrix(module: AdapterModule<unknown>, name: string, rows: number, columns: number): AdapterPart {
  const part = module.parts.get(name)
  if (!part || part.shape.length < 3) return need(module, name, rows, columns)
  const { values, shape } = part
  const flat = { values, shape: [shape[0]!, values.length / shape[0]!] }
  return need({ ...module, parts: new Map([[name, flat]]) }, name, rows, columns)
}

/** The name of a part as a regular expression. */
export const partSource = (part: string): string => part.replaceAll('.', '\\.').replace('*', '[^.]+')

/** What finds the names of parts: behind `before`, and with the part as its last group. */
export const partPattern = (before: string, parts: readonly string[]): RegExp =>
  new RegExp(`^${before}(${parts.map(partSource).join('|')})$`)

/** The base made over as a whole when its first rows are read. */
export function madeOver(
  { outputs, inputs }: ModuleShape,
  make: (weight: Float32Array) => Float32Array | Promise<Float32Array>,
): (base: ReadBaseRows) => ReadBaseRows {
  let whole: Promise<Float32Array> | undefined
  return (base) => async (from, to) => {
    whole ??= base(0, outputs).then(make)
    return (await whole).slice(from * inputs, to * inputs)
  }
}

/** A part of the module. @throws UserError where it is missing or has another shape; -1 stands for any side */
export function need(module: AdapterModule<unknown>, name: string, ...shape: number[]): AdapterPart {
  const part = module.parts.get(name) ?? module.shared.get(name)
  if (!part) module.fail(`${name} is missing`)
  if (part.shape.length !== shape.length || part.shape.some((side, axis) => shape[axis] !== -1 && side !== shape[axis]))
    module.fail(
      `${name} is [${part.shape.join(', ')}]; [${shape.map((side) => (side < 0 ? 'any' : side)).join(', ')}] is wanted`,
    )
  return part
}
