// The weights and biases that a kind of adapter other than LoRA changes, found from the headers.
import type { z } from 'zod'
import type { AdapterKind, ModuleShape } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { countEntries } from '../kernels/index.js'
import { checkValue } from '../schema/index.js'
import type { AdapterConfig } from './adapter-config.js'
import { checkFloating, outputsLast, type Places, tensorOf, withoutBias } from './adapter-place.js'
import type { Sorted } from './adapter-sort.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { orderModules } from './module-order.js'
import { isConv1d } from './orientation.js'

/** What a kind of adapter other than LoRA makes of a weight, or of a bias. Names are those of the adapter's file. */
export interface KindEdit {
  kind: AdapterKind
  module: string
  config: unknown
  /** Name of the weight in the base. */
  weight: string
  /** Of the weight, in the sense of [outputs, inputs]. */
  outputs: number
  inputs: number
  /** Entries of a kernel of a convolution; 1 for what is none. */
  kernel: number
  /** The modules of the adapter in the order of the model's class; null where that is not known. */
  inOrder: readonly ModuleShape[] | null
  parts: ReadonlyMap<string, string>
  shared: ReadonlyMap<string, string>
  /** The weight is stored [inputs, outputs]. */
  turned: boolean
  /** The adapter's file holds the weight itself. */
  started: boolean
  /** The most outputs and inputs of all modules of the adapter. */
  most: { outputs: number; inputs: number }
}

/** What a kind of adapter other than LoRA makes of weights. */
export function editsOf({ file, config, base, place }: Places, { parts: modules, shared, whole }: Sorted): KindEdit[] {
  const edits = outputsLast(modules).map(([module, parts]) => {
    const target = place(`${module}.weight`)
    const started = [...whole.keys()].some((name) => place(name) === target)
    return { ...editOf({ file, config, base, module, target, parts, shared }), started }
  })
  const most = {
    outputs: edits.reduce((most, { outputs }) => Math.max(most, outputs), 0),
    inputs: edits.reduce((most, { inputs }) => Math.max(most, inputs), 0),
  }
  const order = orderModules([...modules.keys()], base.config)
  const shapes = new Map(edits.map(({ module, outputs, inputs }) => [module, { name: module, outputs, inputs }]))
  const inOrder = order && order.map((module) => shapes.get(module)!)
  return edits.map((edit) => ({ ...edit, most, inOrder }))
}

interface EditParts {
  file: string
  config: AdapterConfig
  base: Checkpoint
  module: string
  /** Name of the weight in the base. */
  target: string
  parts: ReadonlyMap<string, string>
  shared: ReadonlyMap<string, string>
}

/** @throws UserError for a weight of a shape that the kind does not take, and for entries of adapter_config.json that it does not */
function editOf({
  file,
  config,
  base,
  module,
  target,
  parts,
  shared,
}: EditParts): Omit<KindEdit, 'most' | 'inOrder' | 'started'> {
  const kind = config.kind!
  const { shape } = base.tensors.get(target)!
  if (shape.length !== 2 && !(kind.convolutions && shape.length > 2))
    throw new UserError(`${file}: ${module}: ${kind.type} of a weight of shape [${shape.join(', ')}] is not read`)
  checkFloating(base, target)
  const turned = isConv1d(target, base.config)
  const kernel = countEntries(shape.slice(2))
  const [outputs, inputs] = (turned ? [...shape].reverse() : [shape[0], shape[1]! * kernel]) as [number, number]
  const own = checkValue(kind.config as z.ZodType, config.given, file.replace(/[^/\\]*$/, ADAPTER_CONFIG))
  return { kind, module, config: own, weight: target, outputs, inputs, kernel, parts, shared, turned }
}

/** The weight and the bias that an edit changes. @throws UserError where it needs a bias that the base does not have */
export function changedBy({ kind, module, weight, parts }: KindEdit, file: string, base: Checkpoint): string[] {
  const changes = kind.changesBias?.(new Set(parts.keys()))
  const bias = changes ? tensorOf(base)(`${module}.bias`) : null
  if (changes === 'needed' && bias === null) throw withoutBias(file, module, base)
  return [...(kind.keepsWeight ? [] : [weight]), ...(bias === null ? [] : [bias])]
}
