// The tunings by the words of recipes.
import { isLite } from '../adapters/index.js'
import { dtypeNamed, writeCheckpoint, writeLite } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { type Span, spansOf } from './layout.js'
import { lowRank } from './low-rank.js'
import type { StartingPoint, Tuning, WriteExtras } from './tuning.js'

/** @throws UserError for a model that the tuning cannot train */
export function tuningOf(start: StartingPoint): Tuning {
  const { tuning } = start.recipe
  if (tuning === 'lora') return lowRank(start)
  if (start.lite) return someTensors(start, ({ name }) => isLite(name), liteFolder(start))
  return someTensors(start, tuning === 'bitfit' ? ({ name }) => name.endsWith('bias') : () => true, wholeFolder(start))
}

type WriteTrained = (folder: string, weights: Float32Array, extras: WriteExtras) => Promise<void>

/** Tensors of the model itself: `write` gets all weights. */
function someTensors(
  { recipe, spans, weights }: StartingPoint,
  chosen: (span: Span) => boolean,
  write: WriteTrained,
): Tuning {
  const trained = spans.filter(chosen)
  if (!trained.length)
    throw new UserError(`${recipe.name}: the model has no biases, and \`bitfit\` trains nothing else`)
  const parameters = spansOf(trained.map(({ name, shape }) => [name, shape]))
  const copy = (from: Float32Array, sources: readonly Span[], to: Float32Array, targets: readonly Span[]) =>
    sources.forEach(({ begin, end }, i) => to.set(from.subarray(begin, end), targets[i]!.begin))
  const gather = (from: Float32Array) => {
    if (trained.length === spans.length) return from
    const into = new Float32Array(parameters.at(-1)!.end)
    copy(from, trained, into, parameters)
    return into
  }
  const apply: Tuning['apply'] = (values, into) => copy(values, parameters, into, trained)
  return {
    parameters,
    start: gather(weights).slice(),
    trained: trained.map((span) => spans.indexOf(span)),
    apply,
    pull: gather,
    write(folder, values, extras) {
      const whole = weights.slice()
      apply(values, whole)
      return write(folder, whole, extras)
    },
  }
}

const wholeFolder =
  ({ recipe, spans, config, configText, companions }: StartingPoint): WriteTrained =>
  (folder, weights, extras) =>
    writeCheckpoint(folder, {
      plan: spans.map(({ name, shape }) => ({ name, shape, dtype: dtypeNamed(recipe.dtype) })),
      tensors: spans.map(({ name, begin, end }) => ({ name, values: weights.subarray(begin, end) })),
      config,
      configText,
      tokenizerFrom: companions,
      ...extras,
    })

const liteFolder =
  ({ recipe, spans, lite, baseOf }: StartingPoint): WriteTrained =>
  (folder, weights, extras) => {
    const tensors = spans
      .filter(({ name }) => isLite(name))
      .map(({ name, shape, begin, end }) => [name, { shape, values: weights.subarray(begin, end) }] as const)
    return writeLite(folder, lite!, new Map(tensors), {
      ...extras,
      dtype: dtypeNamed(recipe.dtype),
      baseModel: baseOf(folder),
    })
  }
