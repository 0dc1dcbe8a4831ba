// The delta of a pair as a LoRA adapter: the leading singular triplets of every matrix, in the form that peft loads.
import { PARAMETER_LITE } from '../adapters/index.js'
import {
  type AdapterPlan,
  type Checkpoint,
  type LoraFactors,
  type Pair,
  planAdapter,
  type Selection,
  selectTensors,
  type WholeTensor,
  type WritableDtype,
  weightRows,
  writeAdapter,
} from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { noteNames } from '../naming/index.js'
import type { StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { factoriseAll } from './factor-tasks.js'
import type { FactorAnswer, FactorPlan } from './factorise.js'

export interface ExtractOptions extends Selection, StreamOptions {
  rank: number
  /** What adapter_config.json names as the base. */
  baseModel: string
  /** Changed tensors that are no matrices (norms, biases, class tokens) are stored whole; otherwise they are left out. */
  vectors?: boolean
  dtype?: WritableDtype
  overwrite?: boolean
  card?: string
  onTensor?: (name: string, bytes: number) => void
}

export interface ExtractSummary {
  /** Matrices as factors; their stored parameters with those that are stored whole, and the parameters of the matrices. */
  tensors: number
  stored: number
  parameters: number
  /** Tensors that are stored whole, and for a matrix why it has no factors. */
  whole: { name: string; why: string | null }[]
  /** Share of the squared norm of everything that changed, which the adapter carries. */
  energy: number
  /** The same of the matrices that it has factors of; 1 without any. */
  matrices: number
  /** Changed tensors that are not in the adapter, with their shares of the squared norm. */
  left: { name: string; share: number; why: string }[]
  /** What a user must know about the names of the modules; null where they are those of every version of transformers. */
  names: string | null
}

/** The tensors of a fused layer need all their parts: peft stacks the experts of a layer. */
const expertsOf = (name: string): string | null => /^(.*\.experts)\.\d+\./.exec(name)?.[1] ?? null

/**
 * Factors A = √S·Vᵀ, B = U·√S of each delta, with alpha = rank. One piece: one walk over the tensors fills all sums of the summary.
 * @throws UserError where the choice holds nothing that an adapter can carry, or nothing of it differs
 */
export async function extractAdapter(pair: Pair, out: string, options: ExtractOptions): Promise<ExtractSummary> {
  const { baseModel, dtype, overwrite, card } = options
  if ((pair.post.config?.[PARAMETER_LITE] ?? null) !== null)
    throw new UserError(
      `${pair.post.folder}: has a ${PARAMETER_LITE}, whose modules no LoRA adapter holds; \`deltalab train\` writes it as a folder of its own`,
    )
  const entries = pair.names.map((name) => pair.post.tensors.get(name)!)
  // Statistics of batch norms, too: they are stored as they are.
  const include = options.include?.length ? options.include : ['*']
  const choice = { chosen: new Set(selectTensors(entries, { ...options, include })), plan: planAdapter(pair.base) }
  const { chosen, plan } = choice
  if (!entries.some(({ name }) => whyLeft(name, choice, options) === null))
    throw new UserError('none of the chosen tensors is a matrix that an adapter can have factors of')
  const found = await findParts(pair, choice, options)
  const { factors, whole, norms, left } = found
  const tensors = factors.size
  if (tensors === 0) {
    if (![...whole].some((name) => chosen.has(name) && norms.get(name)! > 0))
      throw new UserError(`${pair.post.folder}: ${nothing(left)}, so there is no adapter to write`)
    factors.set(...zeros(pair, plan))
  }
  if (plan.oneRank) ofOneRank(factors, pair, plan)
  for (const name of [...whole]) for (const part of partsWith(name, pair, plan)) whole.add(part)
  const all = [...norms.values()].reduce((sum, value) => sum + value, 0)
  const carried = [...whole].reduce((sum, name) => sum + (chosen.has(name) ? (norms.get(name) ?? 0) : 0), found.kept)
  const shapeOf = (name: string) => pair.base.tensors.get(name)!.shape
  /** What was not chosen is the base's, also where peft wants the whole module. */
  const contentOf = (name: string): WholeTensor => ({
    shape: shapeOf(name),
    values: () => partsOf(chosen.has(name) ? pair.post : pair.base, name),
  })
  const contents = new Map([...whole].map((name) => [name, contentOf(name)]))
  await writeAdapter(out, { factors, whole: contents, model: pair.base, baseModel, dtype, overwrite, card })
  const stored = [...factors.values()].reduce((sum, { a, b }) => sum + a.length + b.length, 0)
  return {
    tensors,
    parameters: found.parameters,
    whole: [...whole].map((name) => ({ name, why: (plan.placeOf(name) as { why?: string | null }).why ?? null })),
    stored: [...whole].reduce((sum, name) => sum + countEntries(shapeOf(name)), stored),
    energy: carried / all,
    matrices: tensors ? found.kept / found.matrices : 1,
    left: left.map((each) => ({ ...each, share: each.share / all })),
    names: noteNames([...factors.keys(), ...whole], pair.base.config),
  }
}

/** Entries of a part. */
const PART = 1 << 22

/** The values of a tensor in parts of whole rows. */
async function* partsOf(checkpoint: Checkpoint, name: string): AsyncGenerator<Float32Array> {
  const { shape } = checkpoint.tensors.get(name)!
  const [rows = 1, ...others] = shape
  const step = Math.max(1, Math.floor(PART / Math.max(1, countEntries(others))))
  if (rows <= step) yield await checkpoint.read(name)
  else
    for (let from = 0; from < rows; from += step)
      yield await weightRows(checkpoint, name, { from, to: Math.min(rows, from + step) })
}

/** The tensors that were chosen, and where an adapter of this base has a place for each. */
interface Choice {
  chosen: ReadonlySet<string>
  plan: AdapterPlan
}

/** Why the adapter leaves a tensor out; null where it holds it. */
function whyLeft(name: string, { chosen, plan }: Choice, { vectors = false }: ExtractOptions): string | null {
  const place = plan.placeOf(name)
  if (!chosen.has(name)) return 'not chosen'
  if (place.as === 'none') return place.why
  return place.as === 'whole' && place.why === null && !vectors
    ? 'stored by --vectors; norms and biases can move the outputs more than their share'
    : null
}

/** What the deltas of a pair become in an adapter. */
interface AdapterParts {
  factors: Map<string, LoraFactors>
  /** Names of the tensors that are stored whole. */
  whole: Set<string>
  /** Squared norm of each delta. */
  norms: Map<string, number>
  /** Tensors that are left out; `share` is the squared norm. */
  left: ExtractSummary['left']
  /** Of the matrices that have factors: squared norm that these keep, their own squared norm, and their parameters. */
  kept: number
  matrices: number
  parameters: number
}

/** Reads the deltas, and factorises the matrices. The sums are made in the order of the tensors, whoever finds them when. */
async function findParts(pair: Pair, choice: Choice, options: ExtractOptions): Promise<AdapterParts> {
  const entryOf = (name: string) => pair.post.tensors.get(name)!
  const requests = pair.names.map((name) => ({ name, plan: planFactors(name, entryOf(name).shape, choice, options) }))
  const answers: FactorAnswer[] = []
  await factoriseAll(pair, requests, options, (i, answer) => {
    answers[i] = answer
    const { name, begin, end } = entryOf(requests[i]!.name)
    options.onTensor?.(name, end - begin)
  })
  const parts: AdapterParts = {
    factors: new Map(),
    whole: new Set(),
    norms: new Map(),
    left: [],
    kept: 0,
    matrices: 0,
    parameters: 0,
  }
  for (const [i, { name, plan }] of requests.entries()) {
    const { squares, factors, kept } = answers[i]!
    parts.norms.set(name, squares)
    const place = choice.plan.placeOf(name)
    if (place.as === 'whole' && place.always) parts.whole.add(name)
    if (squares === 0) continue
    const why = whyLeft(name, choice, options)
    if (why !== null) parts.left.push({ name, share: squares, why })
    else if (!plan) parts.whole.add(name)
    else {
      if (!factors?.rank)
        throw new UserError(
          `${pair.post.folder}: tensor "${name}": products of its delta, of norm ${Math.sqrt(squares).toPrecision(3)}, go beyond float32: it has no factors; leave it out (--exclude)`,
        )
      parts.factors.set(name, factors)
      parts.kept += kept
      parts.matrices += squares
      parts.parameters += countEntries(entryOf(name).shape)
    }
  }
  return parts
}

/** The factors that the adapter holds of a tensor; null where it holds it otherwise, or not at all. */
function planFactors(
  name: string,
  shape: readonly number[],
  choice: Choice,
  options: ExtractOptions,
): FactorPlan | null {
  const place = choice.plan.placeOf(name)
  if (place.as === 'whole' || place.as === 'none' || whyLeft(name, choice, options) !== null) return null
  const [rows = 0, columns = 0] = shape.slice(-2)
  // Without entries there is no change, and nothing to find the singular vectors of.
  if (countEntries(shape) === 0) return null
  const count = place.as === 'parameter' ? place.count : 1
  return { rows, columns, count, turned: place.turned, rank: Math.min(options.rank, rows, columns), exact: false }
}

/** What stands against an adapter where nothing that it can hold differs. */
function nothing(left: ExtractSummary['left']): string {
  if (left.length === 0) return 'no tensor differs from the base'
  const most = left.reduce((one, two) => (two.share > one.share ? two : one))
  const others = left.length > 1 ? `, and ${left.length - 1} more` : ''
  return `no chosen matrix differs from the base; ${most.name} does (${most.why})${others}`
}

/** Factors of a linear layer that add nothing: peft 0.21 loads no adapter without factors, also where all that changed is stored whole. */
function zeros({ base, names, post }: Pair, plan: AdapterPlan): [string, LoraFactors] {
  const sizeOf = (name: string) => countEntries(base.tensors.get(name)!.shape)
  const name = names.find((each) => plan.placeOf(each).as === 'linear' && expertsOf(each) === null && sizeOf(each) > 0)
  if (name === undefined)
    throw new UserError(
      `${post.folder}: only tensors that are stored whole differ from the base, and peft loads no adapter without a linear layer`,
    )
  const [rows, columns] = base.tensors.get(name)!.shape
  return [name, { rank: 1, a: new Float32Array(columns!), b: new Float32Array(rows!) }]
}

/** All factors with the largest rank among them, by rows of zeros; experts without a change beside those with one have zeros alone. */
function ofOneRank(factors: Map<string, LoraFactors>, { base }: Pair, plan: AdapterPlan): void {
  const rank = Math.max(...[...factors.values()].map((each) => each.rank))
  const layers = new Set([...factors.keys()].map(expertsOf))
  for (const [name, { shape }] of base.tensors) {
    const experts = expertsOf(name)
    if (!factors.has(name) && (experts === null || !layers.has(experts) || plan.placeOf(name).as === 'none')) continue
    const { rank: own, a, b } = factors.get(name) ?? { rank: 0, a: new Float32Array(0), b: new Float32Array(0) }
    const wide = { rank, a: new Float32Array(rank * shape[1]!), b: new Float32Array(shape[0]! * rank) }
    wide.a.set(a)
    b.forEach((value, at) => (wide.b[Math.floor(at / own) * rank + (at % own)] = value))
    factors.set(name, wide)
  }
}

/** The other tensors of a module that peft stores whole. */
function partsWith(name: string, { base }: Pair, plan: AdapterPlan): string[] {
  const module = plan.savedModule(name)
  return module === null ? [] : [...base.tensors.keys()].filter((other) => plan.savedModule(other) === module)
}
