// The merge of one tensor by mergekit's own operations.
import type { Checkpoint } from '../checkpoint/index.js'
import { convert, type FloatFormat, type Numbers } from '../mergekit/index.js'
import { seedTorch } from '../twister/index.js'
import type { MergePlan } from './plan.js'
import type { TensorMerge } from './plan-tensor.js'
import type { StoredMerge } from './stored.js'

/** The values of the merged tensor, in the format that the plan gives it or one that holds all of it. */
export async function mergeStored(
  { seed }: Pick<MergePlan, 'seed'>,
  { name, shape, base, sources }: Pick<TensorMerge, 'name' | 'shape' | 'base' | 'sources'>,
  { merge, draws, compute, options, models, drawn }: StoredMerge,
  warn: (text: string) => void,
): Promise<Numbers> {
  const read = ({ model, name: own }: { model: { checkpoint: Checkpoint }; name: string }): Promise<Numbers> =>
    readAs(model.checkpoint, own, compute)
  const before = base && (await read(base))
  const values: Numbers[] = []
  for (const source of sources) values.push(await read(source))
  if (!values[0]?.length) return values[0] ?? new Float32Array()
  const generator = seedTorch(seed)
  if (draws) generator.skip(drawn)
  const say = (text: string) => warn(`${name}: ${text}`)
  return merge({ name, format: compute, shape, base: before, models: values, generator, warn: say }, options, models)
}

/** The weights of a tensor in a format; what is stored as float64 keeps it. */
async function readAs(checkpoint: Checkpoint, name: string, format: FloatFormat): Promise<Numbers> {
  const values = await checkpoint.read(name) // says what is not finite
  if (format !== 'F64' || checkpoint.place(name)?.dtype !== 'F64') return convert(values, format)
  return new Float64Array((await checkpoint.readBytes(name)).slice().buffer)
}
