// A parameter-lite encoder beside its base: a folder that holds its tensors alone, and what stands for them in a model without one.
import { join } from 'node:path'
import {
  isLite,
  LITE_TYPE,
  liteSchema,
  liteShapes,
  liteStart,
  PARAMETER_LITE,
  type ParameterLite,
} from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { checkValue } from '../schema/index.js'
import { ADAPTER_WEIGHTS } from './adapter-config.js'
import { type AdapterOptions, type WholeTensor, writeAdapterFolder } from './adapter-write.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { withComputed } from './computed-tensors.js'
import type { WritableDtype } from './dtype.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'
import type { SingleFile } from './single.js'

const liteIn = ({ config, folder }: Pick<Checkpoint, 'config' | 'folder'>): ParameterLite | null =>
  (config?.[PARAMETER_LITE] ?? null) === null
    ? null
    : checkValue(liteSchema, config![PARAMETER_LITE], `${join(folder, 'config.json')}: ${PARAMETER_LITE}`)

/** The model with further tensors, which are not in its files. */
function withTensors(
  model: Checkpoint,
  lite: ParameterLite,
  entries: readonly Pick<TensorEntry, 'name' | 'dtype' | 'shape'>[],
  read: (name: string) => Promise<Float32Array>,
): Checkpoint {
  const added = entries.map(({ name, dtype, shape }): [string, TensorEntry] => [
    name,
    { name, dtype, shape, file: '', begin: 0, end: tensorBytes({ dtype, shape }) },
  ])
  return withComputed(
    {
      ...model,
      tensors: new Map([...model.tensors, ...added]),
      config: { ...model.config, [PARAMETER_LITE]: lite },
    },
    new Map(added.map(([name, { shape }]) => [name, shape])),
    async (name, { from, to }) => {
      const columns = model.tensors.get(name)?.shape.at(-1) ?? added.find(([each]) => each === name)![1].shape.at(-1)!
      return (await read(name)).slice(from * columns, to * columns)
    },
  )
}

/**
 * The base with the tensors of a folder of `writeLite`.
 * @throws UserError for a base that has such an encoder, and for tensors that are not those of the entry
 */
export function withLite(
  file: string,
  given: Readonly<Record<string, unknown>>,
  weights: SingleFile,
  base: Checkpoint,
): Checkpoint {
  const lite = checkValue(
    liteSchema,
    given[PARAMETER_LITE],
    `${file.replace(ADAPTER_WEIGHTS, ADAPTER_CONFIG)}: ${PARAMETER_LITE}`,
  )
  if (liteIn(base))
    throw new UserError(`${file}: the base ${base.folder} has a ${PARAMETER_LITE} of its own; give the base without it`)
  const width = Number(base.config?.hidden_size)
  const wanted = new Map(Object.entries(liteShapes(lite, width, (i) => `bert.encoder.layer.${i}`)))
  for (const [name, shape] of wanted) {
    const found = weights.tensors.get(name)?.shape
    if (String(found) !== String(shape))
      throw new UserError(
        `${file}: ${name} ${found ? `is [${found.join(', ')}]` : 'is missing'}; ${PARAMETER_LITE} in ${ADAPTER_CONFIG} and hidden_size ${width} of ${base.folder} want [${shape.join(', ')}]`,
      )
  }
  const other = [...weights.tensors.keys()].find((name) => !wanted.has(name))
  if (other !== undefined) throw new UserError(`${file}: ${other} belongs to nothing that ${PARAMETER_LITE} names`)
  return withTensors(base, lite, [...weights.tensors.values()], (name) => weights.read(name))
}

/** @throws UserError for models whose parameter-lite encoders were not trained from one start: their deltas do not fit together */
export function checkLite(
  one: Pick<Checkpoint, 'config' | 'folder'>,
  two: Pick<Checkpoint, 'config' | 'folder'>,
): void {
  const [first, second] = [liteIn(one), liteIn(two)]
  const keys = Object.keys(first ?? second ?? {}) as (keyof ParameterLite)[]
  const key = keys.find((each) => JSON.stringify(first?.[each]) !== JSON.stringify(second?.[each]))
  if (key === undefined) return
  const told = (lite: ParameterLite | null) => (lite ? JSON.stringify(lite[key]) : 'none')
  throw new UserError(
    `${one.folder} and ${two.folder}: ${PARAMETER_LITE} has another ${key} (${told(first)}, ${told(second)}), so they were not trained from one start and their deltas do not fit together`,
  )
}

/**
 * Models of which some have a parameter-lite encoder: the others get it as it was before training, where it changes nothing but for its
 * tokens. So its delta is what training made of it.
 * @throws UserError for encoders with another start where one model has none
 */
export function completeLite<const T extends readonly Checkpoint[]>(
  checkpoints: T,
): { -readonly [I in keyof T]: Checkpoint } {
  const found = checkpoints.map(liteIn)
  const has = found.findIndex((lite) => lite !== null)
  const [lite, from] = [found[has], checkpoints[has]]
  if (!lite || !from || !found.includes(null)) return [...checkpoints] as { -readonly [I in keyof T]: Checkpoint }
  for (const each of checkpoints.filter((_, i) => found[i])) checkLite(from, each)
  const entries = [...from.tensors.values()].filter(({ name }) => isLite(name))
  const start = liteStart(lite, new Map(entries.map(({ name, shape }) => [name, shape])))
  const agreed = checkpoints.map((each, i) =>
    found[i] ? each : withTensors(each, lite, entries, async (name) => start.get(name)!),
  )
  return agreed as { -readonly [I in keyof T]: Checkpoint }
}

/**
 * Writes a folder that stands for its base with this encoder.
 * @param tensors all that `lite` has, by name
 * @throws UserError for a folder that exists
 */
export function writeLite(
  folder: string,
  lite: ParameterLite,
  tensors: ReadonlyMap<string, WholeTensor>,
  { baseModel, ...options }: Pick<AdapterOptions, 'baseModel' | 'overwrite' | 'files'> & { dtype: WritableDtype },
): Promise<void> {
  const config = { peft_type: LITE_TYPE, base_model_name_or_path: baseModel, [PARAMETER_LITE]: lite }
  return writeAdapterFolder(folder, { ...options, config, contents: tensors })
}
