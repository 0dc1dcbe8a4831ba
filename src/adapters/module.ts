// One module of an adapter of peft: what it is given, and what it makes of the weight of its module.
import type { z } from 'zod'

/** Entries of a stored tensor, as float32, and its shape. */
export interface AdapterPart {
  values: Float32Array
  shape: readonly number[]
}

/** What a kind of adapter knows of a module. Weights are [out, in]. */
export interface AdapterModule<Config> {
  /** Name of the module in the model. */
  name: string
  outputs: number
  inputs: number
  config: Config
  /** The most outputs and inputs of all modules of the adapter. */
  most: { outputs: number; inputs: number }
  /** Its own tensors, by their names behind that of the module. */
  parts: ReadonlyMap<string, AdapterPart>
  /** Tensors of all modules together. */
  shared: ReadonlyMap<string, AdapterPart>
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
  bias?(bias: Float32Array): Float32Array
}

/** A kind of adapter of peft. */
export interface AdapterKind<Config = unknown> {
  /** `peft_type` in adapter_config.json. */
  type: string
  /** What a module's tensors are called behind its name. */
  parts: readonly string[]
  /** What tensors of all modules are called behind `base_model.`. */
  shared?: readonly string[]
  /** `rows` gives what is added, or the whole weight. `rounded`: peft rounds what is added to the format of the base first. */
  gives: 'delta' | 'rounded delta' | 'weight'
  config: z.ZodType<Config>
  /** @throws UserError for parts that are missing or do not fit */
  open(module: AdapterModule<Config>): ModuleEdit | Promise<ModuleEdit>
}

/** Keeps the type of the configuration within a kind. */
export const adapterKind = <Config>(kind: AdapterKind<Config>): AdapterKind => kind as AdapterKind

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
