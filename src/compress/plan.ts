// A pair of models as a delta file in which tensors have codecs of their own: what each is stored by, and the file.
import { dirname, resolve } from 'node:path'
import { matricesOf, type Pair, pairCheckpoints, type Selection, selectTensors } from '../checkpoint/index.js'
import { isLossyFormat, unfitFor } from '../codecs/index.js'
import {
  type Base,
  type CodecPlan,
  type CompressOptions,
  compressModel,
  type Delta,
  type DeltaPlan,
  isSame,
  placeKey,
  planDelta,
} from '../delta/index.js'
import { editNeedsBackend } from '../edit/index.js'
import { firstFew, UserError } from '../errors/index.js'
import { isBuffer } from '../naming/index.js'
import { openModels } from '../sources/index.js'
import { optionsFor, type ParsedChoice } from './choice.js'
import { editedTensors, type Factorised, splitMemory } from './memory.js'
import { factorBytes, openSources, type SourceWork, withSources } from './source.js'

/** What a file is made of. */
export interface CompressJob {
  base: Base
  /** Folder of the model. */
  post: string
  /** How each tensor is stored, by its name in the model; those that are not in it are stored lossless. */
  choices: ReadonlyMap<string, ParsedChoice>
  /** Whether what is stored exactly is to be quick rather than short. */
  isFast?: boolean | undefined
}

/** Tensors that a choice does not fit, and why. */
type LeftLossless = ReadonlyMap<string, string>

export interface PlannedDelta {
  plan: DeltaPlan
  left: LeftLossless
  /** Whether a tensor is edited by TensorFlow.js. */
  needsBackend: boolean
  /** Writes the delta file. */
  write(out: string, options: CompressOptions & { onWarning?: ((text: string) => void) | undefined }): Promise<Delta>
}

/**
 * The pair of a base and a model, whose tensors may have no partner: these are stored by themselves.
 * @param tokenizer folder of the tokenizer, where the model's own is not meant
 */
export const openStoredPair = async (base: string, post: string, tokenizer?: string): Promise<Pair> =>
  pairCheckpoints(...(await openModels(base, post, { tokenizer, keepsCodes: true })), { ignoreUnmatched: true })

/** The tensors of a model that these patterns select, each with the same choice. @throws UserError for a pattern that matches nothing */
export function chooseAll({ post }: Pair, choice: ParsedChoice, selection: Selection): Map<string, ParsedChoice> {
  const own = [...post.tensors.values()].filter(({ name }) => !post.tied.has(name))
  // Tensors of any format: those that no codec stores are named.
  const entries = own.map(({ name, shape }) => ({ name, shape }))
  return new Map(selectTensors(entries, selection).map((name) => [name, choice]))
}

/**
 * @param pair null where all is stored lossless
 * @throws UserError where no tensor takes its codec, or one is not in the model
 */
export async function planCompression(
  pair: Pair | null,
  { base, post, choices, isFast }: CompressJob,
): Promise<PlannedDelta> {
  if (!pair) {
    const plan = await planDelta(base, post, { isFast })
    const write: PlannedDelta['write'] = (out, { onWarning: _, ...options }) =>
      compressModel({ plan, base, post }, out, options)
    return { plan, left: new Map(), needsBackend: false, write }
  }
  const stray = [...choices.keys()].find((name) => !pair.post.tensors.has(name))
  if (stray !== undefined) throw new UserError(`${post}: has no tensor ${JSON.stringify(stray)}`)
  const left = new Map<string, string>()
  const chosen = new Map<string, ParsedChoice>()
  for (const [name, choice] of choices) {
    if (choice.name === 'lossless') continue
    const why = await whyLeft(pair, name, choice)
    if (why === null) chosen.set(name, choice)
    else if (why) left.set(name, why)
  }
  if (left.size && !chosen.size) {
    const [[name, why]] = left as unknown as [[string, string]]
    throw new UserError(`no tensor takes its codec; ${name}: ${why}`)
  }
  const work: { current: SourceWork | null } = { current: null }
  // Whatever reads the whole model reads what edit does.
  const names = new Set(pair.names)
  const edited = new Map([...choices].filter(([name]) => names.has(name)))
  const codecs = codecPlans(pair, { chosen, edited }, work)
  const plan = await planDelta(base, post, { codecs, isFast })
  const factors = [...chosen].map(([name, choice]) => ({
    name,
    bytes: factorBytes(pair.post.tensors.get(name)!, choice),
  }))
  return {
    plan,
    left,
    needsBackend: [...chosen].some(([name, choice]) => choice.steps.length > 0 && editNeedsBackend(pair, name, choice)),
    write: (out, options) => writeFile({ pair, base, post, plan, work, factors }, out, options),
  }
}

/** Why a choice does not fit a tensor, which then stays lossless; empty where it is the base's, null where it fits. */
export async function whyLeft({ base, post }: Pair, name: string, choice: ParsedChoice): Promise<string | null> {
  const { codec } = choice
  const [before, entry] = [base.tensors.get(name), post.tensors.get(name)!]
  const [from, to] = [before && base.place(name), post.place(name)]
  const computed = (folder: string): string => `its weights in ${folder} are computed from what is stored`
  if (!to) return computed(post.folder)
  if (!codec) return null
  if (!before) return 'the base has none of that name'
  if (!from) return computed(base.folder)
  if (String(before.shape) !== String(entry.shape))
    return `it is [${entry.shape.join(', ')}], and the base's is [${before.shape.join(', ')}]`
  if (from.dtype === to.dtype && (await isSame(from, to, entry.end - entry.begin))) return ''
  const tensor = { name, shape: entry.shape, dtype: entry.dtype, matrices: matricesOf(entry) }
  const why = unfitFor(codec, optionsFor(choice, tensor), tensor)
  if (why !== null) return why
  if (!isLossyFormat(from.dtype)) return `the base's is ${from.dtype}`
  return isBuffer(name, entry.shape) ? 'it is computed, and no weight' : null
}

/** Tensors that stay lossless, by the reasons. */
export function describeLeft(left: LeftLossless): string {
  const reasons = [...new Set(left.values())]
  return `stored lossless: ${reasons
    .map((why) => {
      const names = [...left].filter(([, each]) => each === why).map(([name]) => name)
      return `${firstFew(names, 6)} (${why})`
    })
    .join('; ')}`
}

function codecPlans(
  { base, post, tied }: Pair,
  { chosen, edited }: Record<'chosen' | 'edited', ReadonlyMap<string, ParsedChoice>>,
  work: { current: SourceWork | null },
): Map<string, CodecPlan> {
  const makers = new Map<ParsedChoice, (name: string) => ReturnType<ReturnType<typeof openSources>>>()
  const makerOf = (choice: ParsedChoice) => {
    const names = [...edited].filter(([, other]) => other === choice).map(([name]) => name)
    const maker = makers.get(choice) ?? openSources(work.current!, { choice, names })
    makers.set(choice, maker)
    return maker
  }
  const plans = new Map<string, CodecPlan>()
  for (const [name, choice] of chosen) {
    const plan = codecPlan({ base, post }, name, choice, () => makerOf(choice)(name))
    for (const key of placeKeys({ post, tied }, name)) plans.set(key, plan)
  }
  return plans
}

/** Keys of the places where a tensor is stored: its own, and those of tensors that are tied to it. */
export const placeKeys = ({ post, tied }: Pick<Pair, 'post' | 'tied'>, name: string): string[] =>
  [name, ...[...tied].filter(([, of]) => of === name).map(([copy]) => copy)].flatMap((each) => {
    const place = post.place(each)
    return place ? [placeKey(place)] : []
  })

/** How a choice stores a tensor. @param prepare makes its source */
export function codecPlan(
  { base, post }: Pick<Pair, 'base' | 'post'>,
  name: string,
  choice: ParsedChoice,
  prepare: NonNullable<CodecPlan['prepare']>,
): CodecPlan {
  const { codec, steps, seed } = choice
  if (!codec) return { codec: choice.name, source: name, base: null, prepare: null }
  const { shape, dtype } = post.tensors.get(name)!
  const matrices = matricesOf({ name, shape })
  const options = optionsFor(choice, { name, shape, dtype, matrices })
  const isDrawn = steps.some(({ editor, options }) => editor.stochastic(options))
  const edit = steps.map(({ editor, options }) => ({ editor: editor.name, ...options, ...(isDrawn && { seed }) }))
  return { codec: codec.name, options, matrices, edit, source: name, base: base.place(name), prepare }
}

interface WritingFile {
  pair: Pair
  base: Base
  post: string
  plan: DeltaPlan
  work: { current: SourceWork | null }
  factors: Factorised
}

/** Writes the file; an edited tensor waits for its pieces in a temporary file beside it. */
async function writeFile(
  { pair, base, post, plan, work, factors }: WritingFile,
  out: string,
  { onWarning, ...options }: Parameters<PlannedDelta['write']>[1],
): Promise<Delta> {
  const tensors = editedTensors(plan.units)
  const { edits, pieces } = splitMemory(tensors, factors, options.memory)
  const parent = dirname(resolve(out))
  return withSources(pair, { ...options, memory: edits, parent, tensors, onWarning }, async (sources) => {
    work.current = sources
    return compressModel({ plan, base, post }, out, { ...options, memory: pieces })
  })
}
