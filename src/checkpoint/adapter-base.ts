// What an adapter's model has otherwise than its base: the head of its task, an output that is tied no more, more rows of words.
import { UserError } from '../errors/index.js'
import { canonicalName } from '../naming/index.js'
import { isSaved } from './adapter-config.js'
import { type AdaptedBase, type AdapterFile, withHead } from './adapter-head.js'
import { finderOf } from './adapter-place.js'
import type { Checkpoint } from './checkpoint.js'
import type { TensorEntry } from './header.js'
import type { SingleFile } from './single.js'
import { saysTied } from './tie-defaults.js'
import { EMBEDDING, isOutput, outputOf, SHARED, tieSource } from './tie-names.js'
import { untie } from './tied.js'

/** @throws UserError for a head or rows that neither side holds */
export async function adaptBase(adapter: AdapterFile, given: Checkpoint, weights: SingleFile): Promise<AdaptedBase> {
  const headed = withHead(adapter, given)
  const rows = withRows(adapter, await breakTies(adapter, headed.base, weights))
  return {
    base: rows.base,
    apart: [...headed.apart, ...rows.apart],
    notes: [...headed.notes, ...rows.notes],
  }
}

/**
 * A module that peft stores whole is tied to nothing. With ensure_weight_tying it is where the file has the same values for both; then
 * the output is no tensor of its own.
 */
async function breakTies({ config, sorted }: AdapterFile, base: Checkpoint, weights: SingleFile): Promise<Checkpoint> {
  if (!base.config || !saysTied(base.config)) return base
  const output = outputOf(base)
  const source = output === null ? null : tieSource(output, base.tensors.keys())
  if (output === null || source === null) return base
  const bias = output.replace(/weight$/, 'bias')
  const wholeOf = (tensor: string): string | undefined =>
    [...sorted.whole.keys()].find(
      (name) => isSaved(config, name) && canonicalName(tensor, base.config) === canonicalName(name, base.config),
    )
  // The two sides of an encoder-decoder look words up in copies of `shared`.
  const sides = SHARED.test(source)
    ? ['encoder', 'decoder'].map((side) => source.replace(/shared\.weight$/, `${side}.embed_tokens.weight`))
    : []
  const [head, embedding] = [wholeOf(output) ?? wholeOf(bias), wholeOf(source)]
  const own = sides.filter((side) => wholeOf(side) !== undefined)
  if (head === undefined && embedding === undefined) return own.length ? untie(base, own) : base
  // peft sees to it for modules of these names alone, and not where the language model is a part.
  const sees = config.modules_to_save.some((name) => /(^|\.)(embed_tokens|lm_head)$/.test(name))
  if (config.ensure_weight_tying && sees && !output.startsWith('language_model.')) {
    const [one, two] = [head, embedding].map((name) => (name === undefined ? undefined : sorted.whole.get(name)!))
    if (one === undefined || two === undefined || (await sameValues(weights, one, two))) return base
  }
  return untie(base, embedding === undefined ? [output, ...own] : [output, ...sides])
}

async function sameValues(weights: SingleFile, one: string, two: string): Promise<boolean> {
  const [a, b] = [await weights.read(one), await weights.read(two)]
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** Tables of words, and biases of outputs: their first axis is the vocabulary. */
const isTable = (name: string): boolean =>
  EMBEDDING.test(name) || isOutput(name) || /(^|\.)(lm_head|predictions|embed_out)\.(decoder\.)?bias$/.test(name)

/** The base with as many rows of words as the adapter's whole tables have: its vocabulary was resized before the training. */
function withRows({ file, tensors, sorted }: AdapterFile, base: Checkpoint): AdaptedBase {
  const find = finderOf(base)
  const stored = new Map<string, readonly number[]>()
  for (const [inner, name] of sorted.whole) {
    const found = find(inner) ?? (isOutput(inner) ? tieSource(inner, base.tensors.keys()) : null)
    if (found !== null && isTable(found)) stored.set(base.tied.get(found) ?? found, tensors.get(name)!.shape)
  }
  const rowsOf = (name: string): number => base.tensors.get(name)!.shape[0]!
  const other = [...stored].filter(([name, shape]) => {
    const own = base.tensors.get(name)!.shape
    return shape[0] !== own[0] && String(shape.slice(1)) === String(own.slice(1))
  })
  if (!other.length) return { base, apart: [], notes: [] }
  const count = other[0]![1][0]!
  const tables = [...base.tensors.keys()].filter((name) => isTable(name) && !base.tied.has(name))
  const missing = tables.find((name) => rowsOf(name) !== count && stored.get(name)?.[0] !== count)
  if (missing !== undefined)
    throw new UserError(
      `${file}: the adapter was trained with ${count} rows of words, and ${missing}, which it does not hold, has ${rowsOf(missing)} in ${base.folder}: give the base as it was saved with ${count} rows (resize_token_embeddings)`,
    )
  const names = [...tables, ...base.tied.keys()].filter((name) => isTable(name) && rowsOf(name) !== count)
  const resized = names.map((name): [string, TensorEntry] => {
    const entry = base.tensors.get(name)!
    return [name, { ...entry, shape: [count, ...entry.shape.slice(1)] }]
  })
  return {
    base: {
      ...base,
      tensors: new Map([...base.tensors, ...resized]),
      config: base.config && withCount(base.config, count),
    },
    apart: names,
    notes: [
      `${file}: the adapter holds ${names.join(', ')} with ${count} rows and ${base.folder} has ${rowsOf(names[0]!)}: the vocabulary was resized before the training, and they are taken as the adapter has them, without a delta`,
    ],
  }
}

function withCount(config: Record<string, unknown>, count: number): Record<string, unknown> {
  const text = config.text_config
  return config.vocab_size === undefined && typeof text === 'object' && text !== null
    ? { ...config, text_config: { ...text, vocab_size: count } }
    : { ...config, vocab_size: count }
}
