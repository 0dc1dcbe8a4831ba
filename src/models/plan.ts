// How a chain is cut so that a pass over it stays within a bound on memory. Every figure is an estimate in bytes of float32
// values, from shapes alone; the factors are what passes over Llama and BERT were measured to need, rounded up
// (scripts/pass-memory.mjs measures them again).
import { UserError } from '../errors/index.js'
import { countEntries, tf } from '../tensor/index.js'
import type { Block, Model, Split } from './model.js'
import { KEPT } from './query-blocks.js'
import type { Plan, Rows, Stretch } from './source.js'

/** What is to pass through the chain. */
export interface Load {
  /** Padded tokens of all batches, and of the largest one. */
  total: number
  largest: number
  /** Tokens of the longest sequence. */
  columns: number
  /** Counted outputs of the batch that has most. */
  counted: number
}

/**
 * Copies of a block's weights at a time: held, being read, the bytes of that, and values that the collector has not taken
 * yet; with a gradient also the change, the gradient and its values.
 */
const WEIGHTS = { forward: 4, generation: 4, comparison: 4, gradient: 8, divergence: 8 }
/** The same beside weights that are held anyway: the rows of a part; the weights where they are moved, the gradient and its values. */
const BESIDE_HELD = { forward: 1, generation: 1, comparison: 1, gradient: 4, divergence: 4 }

type Factors = Readonly<Record<PassKind | 'tape', number>>

/** What a pass keeps, as multiples of what a model is known to have. */
interface Kept {
  /** Values per token, of the summed sides of a block's matrices. */
  activations: Factors
  /** Attention scores. */
  scores: Factors
  /** Copies of a part's logits. Of a comparison, those of two models are made for some positions at a time. */
  logits: Factors
}

/** Where functions are made of several operations. */
const COMPOSED: Kept = {
  activations: { forward: 4, generation: 4, comparison: 4, gradient: 6, divergence: 6, tape: 4 },
  scores: { forward: 4, generation: 4, comparison: 4, gradient: 11, divergence: 11, tape: 11 },
  logits: { forward: 5, generation: 5, comparison: 8, gradient: 7, divergence: 11, tape: 11 },
}
/** By the kernels of wasm. */
const FUSED: Kept = {
  activations: { forward: 1.3, generation: 4, comparison: 1.3, gradient: 2.6, divergence: 2.6, tape: 2.6 },
  scores: { forward: 2, generation: 4, comparison: 2, gradient: 3, divergence: 3, tape: 3 },
  logits: { forward: 5, generation: 5, comparison: 8, gradient: 7, divergence: 11, tape: 11 },
}
const kept = (): Kept => (tf.getBackend() === 'wasm' ? FUSED : COMPOSED)
/** Logits of each of two models that are compared at a time. */
export const COMPARED_LOGITS = 1 << 22
/** Copies of the last block's weights that are those of the other model of a divergence. */
const STILL = 4
/** A block is cut into at most this many parts. */
const MOST_PARTS = 256

/**
 * `generation` is a forward pass beside the keys and values of the tokens seen; `comparison` one of two models, whose heads are held
 * together; `divergence` a comparison and its gradient, for which post's last block is passed beside the model's.
 */
export type PassKind = 'forward' | 'generation' | 'comparison' | 'gradient' | 'divergence'

interface Pass<K = PassKind> {
  model: Model
  load: Load
  kind: K
  /** Whether the weights are held anyway. */
  held: boolean
}
/** `tape`: a gradient of the whole chain, of a loss or a divergence, of weights that are held, on a backend with kernels of its own. */
type AnyPass = Pass<PassKind | 'tape'>

const bytesOf = (shape: readonly number[]) => 4 * countEntries(shape)

/** The units of a block that may come in parts. */
export const unitsOf = ({ shapes }: Model, { units, weights }: Split): number => units ?? shapes[weights[0]!]![0]!

/** All units of a block, or one where it comes whole. */
const allUnits = (model: Model, { split }: Block): number => (split ? unitsOf(model, split) : 1)

const isSplit = ({ weights, single }: Split, name: string): boolean => weights.includes(name) || !!single?.has(name)

/** The summed sides of a block's matrices, which its values of a token are as many as; those of a unit for each that a token passes. */
function sidesOf(model: Model, { weights, split }: Block, units: number): number {
  const sides = (shape: readonly number[]) => (shape.length > 1 ? shape.reduce((a, b) => a + b) : 0)
  /** How many times a token passes the matrices of this name. */
  const passes = (name: string): number => {
    if (!split || !isSplit(split, name)) return 1
    const passed = Math.min(units, split.passed!())
    return split.single?.has(name) ? passed / unitsOf(model, split) : passed
  }
  const shapeOf = (name: string) => model.shapes[name]!.slice(split?.weights.includes(name) ? 1 : 0)
  return weights.reduce((sum, name) => sum + passes(name) * sides(shapeOf(name)), 0)
}

/** Bytes of the attention scores of the largest batch that a block keeps; and of those that come and go. */
function scoresOf({ model, load, kind }: AnyPass, block: Block): { lasting: number; passing: number } {
  const { largest, columns } = load
  const usual = !block.split && /^(layer|attention) /.test(block.name) ? model.heads * columns : 0
  // Scores that are not the usual ones are made by several operations, also where a backend has a kernel for the usual.
  const each = block.scores ? COMPOSED.scores[kind] * block.scores(columns) : kept().scores[kind] * usual
  const isCut = block.queries !== undefined && columns > KEPT
  return isCut ? { lasting: 0, passing: 4 * block.queries! * each } : { lasting: 4 * largest * each, passing: 0 }
}

/** Bytes of the values that a block keeps of the largest batch. */
function activations(pass: AnyPass, block: Block, units: number): number {
  const { model, load, kind } = pass
  const { largest, counted } = load
  if (block.split?.join === 'concat') {
    const logits = kind === 'comparison' ? Math.min(COMPARED_LOGITS, counted * units) : counted * units
    return kept().logits[kind] * (block.split.finished ? 2 : 1) * 4 * logits
  }
  if (block.split && !block.split.passed) return 4 * 4 * largest * model.width
  const sides = model.width + sidesOf(model, block, units)
  return 4 * largest * kept().activations[kind] * sides + scoresOf(pass, block).lasting
}

/** Of a divergence the last block is a stretch of its own. */
const isApart = ({ model, kind }: Pass, block: Block): boolean => kind === 'divergence' && block === model.blocks.at(-1)

/** Bytes while a block, or so many of its units, are passed. */
function costOf(pass: Pass, block: Block, units = allUnits(pass.model, block)): number {
  const { model, kind } = pass
  const { split } = block
  const share = split ? units / unitsOf(model, split) : 1
  const weights = block.weights.reduce(
    (sum, name) => sum + bytesOf(model.shapes[name]!) * (split && isSplit(split, name) ? share : 1),
    0,
  )
  const models = kind === 'comparison' && split?.join === 'concat' ? 2 : 1
  const still = isApart(pass, block) ? STILL : 0
  const copies = (pass.held ? BESIDE_HELD : WEIGHTS)[kind] * models + still
  return copies * weights + activations(pass, block, units) + scoresOf(pass, block).passing
}

/** Hidden states between the stretches, the tables of the largest batch, and the keys and values of a generation. */
function keptBytes({ model, load, kind }: AnyPass, together: number): number {
  const [{ width, blocks, keys = 0 }, { largest, columns }] = [model, load]
  const { length } = blocks
  const ofGradient = { gradient: length + 2, divergence: length + 3, tape: length + 3 }
  const states = { forward: 3, generation: 3, comparison: 4, ...ofGradient }[kind]
  const attending = blocks.filter(({ split }) => !split?.passed).length
  const cached = kind === 'generation' ? 2 * attending * largest * Math.max(width, keys) : 0
  // A mask of all pairs of tokens is an array before it is a tensor.
  return 4 * (width * (together * states + 6 * largest) + cached) + 2 * 4 * largest * columns
}

/** The units of a part where a block is cut as finely as may be. */
const fewestUnits = (units: number): number => Math.ceil(units / MOST_PARTS)

function partsOf(model: Model, block: Block, fits: (units?: number) => boolean): (Rows | null)[] | null {
  if (fits()) return [null]
  if (!block.split) return null
  const units = unitsOf(model, block.split)
  for (let size = Math.ceil(units / 2); ; size = Math.max(fewestUnits(units), Math.ceil(size / 2))) {
    if (fits(size))
      return Array.from({ length: Math.ceil(units / size) }, (_, i) => ({
        from: i * size,
        to: Math.min(units, (i + 1) * size),
      }))
    if (size === fewestUnits(units)) return null
  }
}

/** Neighbours joined while they fit: fewer states to keep, and less to run twice. */
function joinStretches(pass: Pass, single: Stretch[], room: number): Stretch[] {
  const joined: Stretch[] = []
  let filled = Infinity
  for (const stretch of single) {
    const joins = stretch.parts.length === 1 && !isApart(pass, stretch.blocks[0]!)
    const cost = joins ? costOf(pass, stretch.blocks[0]!) : Infinity
    if (filled + cost <= room) {
      joined.at(-1)!.blocks.push(...stretch.blocks)
      filled += cost
    } else {
      joined.push({ blocks: [...stretch.blocks], parts: stretch.parts })
      filled = cost
    }
  }
  return joined
}

/**
 * Stretches and parts of a pass within `bound` bytes of tensors and of values on their way. All batches walk together if their
 * hidden states fit, so that each weight is read once; else in groups.
 * @throws UserError with the least bound that would do, where one block does not fit.
 */
export function planStretches(
  model: Model,
  bound: number,
  load: Load,
  { kind, held = false }: { kind: PassKind; held?: boolean },
): Plan {
  const pass = { model, load, kind, held }
  const { blocks } = model
  for (let together = load.total; ; together = Math.max(load.largest, Math.floor(together / 2))) {
    // Finite, so that a stretch that nothing may join (of infinite bytes) never fits.
    const room = Math.min(bound, Number.MAX_VALUE) - keptBytes(pass, together)
    const parts = blocks.map((block) => partsOf(model, block, (units) => costOf(pass, block, units) <= room))
    if (!parts.includes(null)) {
      const single = blocks.map((block, i): Stretch => ({ blocks: [block], parts: parts[i]! }))
      return { stretches: joinStretches(pass, single, room), together, largest: load.largest }
    }
    if (together === load.largest) throw tooSmall(pass, bound)
  }
}

/**
 * Bytes of a gradient in one stretch beside the weights that are held: these once more where they are moved, their gradient, two copies
 * of a tensor on its way, and the tape. Measured on nine architectures it takes .5 to .9 of that.
 */
export function tapeBytes(model: Model, load: Omit<Load, 'total'>): number {
  const pass = { model, load: { ...load, total: load.largest }, kind: 'tape', held: true } as const
  const sizes = Object.values(model.shapes).map(bytesOf)
  const [all, most] = [sizes.reduce((a, b) => a + b, 0), sizes.reduce((a, b) => Math.max(a, b), 0)]
  const tape = model.blocks.reduce((sum, block) => sum + activations(pass, block, allUnits(model, block)), 0)
  const passing = model.blocks.reduce((bytes, block) => Math.max(bytes, scoresOf(pass, block).passing), 0)
  return 2 * (all + most) + tape + passing + keptBytes(pass, load.largest)
}

/**
 * Stretches of weights that are held, for a gradient of one batch after the other: one, unless its tape would take more than `bound`
 * bytes. Then each is passed twice, and the tape is of one at a time; as fine as may be where the figures find no room at all.
 */
export function planHeld(model: Model, bound: number, load: Omit<Load, 'total'>, kind: PassKind): Stretch[] {
  const { blocks } = model
  if (tapeBytes(model, load) <= bound) return [{ blocks, parts: [null] }]
  try {
    return planStretches(model, bound, { ...load, total: load.largest }, { kind, held: true }).stretches
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return blocks.map((block) => ({ blocks: [block], parts: [null] }))
  }
}

/** The block that takes most where all are cut as finely as may be, and the bytes of a pass then. */
function leastOf(pass: Pass): { name: string; needed: number } {
  const { model, load } = pass
  const least = model.blocks.map((block) => ({
    name: block.name,
    bytes: costOf(pass, block, block.split && fewestUnits(unitsOf(model, block.split))),
  }))
  const { name, bytes } = least.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  return { name, needed: bytes + keptBytes(pass, load.largest) }
}

/** Bytes of a pass over these batches beside weights that are held, where it is cut as finely as may be. */
export const leastPass = (model: Model, load: Load, kind: PassKind): number =>
  leastOf({ model, load, kind, held: true }).needed

function tooSmall(pass: Pass, bound: number): UserError {
  const { load } = pass
  const { name, needed } = leastOf(pass)
  const text = (n: number) => `${n < 1e7 ? n / 1e6 : Math.ceil(n / 1e6)} MB`
  return new UserError(
    `a memory bound of ${text(bound)} is too small for the block "${name}" and its values of ${load.largest} tokens; ` +
      `the least that would do is ${text(Math.ceil(needed / 1e5) * 1e5)}`,
  )
}
