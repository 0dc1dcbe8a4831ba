// A fine-tune as BitDelta's own file, which its loader and ours read: packed signs and a scale for each matrix, and other tensors that moved
// as they are.
import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { BadWeights, type Pair, pairCheckpoints, selectTensors, sourcesOf, weightRows } from '../checkpoint/index.js'
import { collectSigns, type Signs } from '../codecs/index.js'
import { isSame } from '../delta/index.js'
import { firstFew, UserError } from '../errors/index.js'
import { checkApart, prepareFolder, writeWhole } from '../files/index.js'
import { BadValue, countEntries, decodeValues, encodeValues, VALUE_BYTES, type ValueFormat } from '../kernels/index.js'
import { track } from '../progress/index.js'
import { checkMemory } from '../stream/index.js'
import { isTorchFormat, type SavedTensor, torchFile } from '../torch/index.js'
import { COEFF, isBitDeltaFile, MASK } from './find-delta.js'
import { openModels } from './open.js'

/** How a fine-tune is written as a file of BitDelta. */
export interface BitDeltaOptions {
  /** The file to write; it appears when it is complete. */
  out: string
  /** Replace a file of BitDelta. Default false. */
  overwrite?: boolean | undefined
  /** Patterns of the matrices to store by their signs. Default `linear`, those of the layers. */
  include?: readonly string[] | undefined
  /** Patterns of tensors to leave out of these. */
  exclude?: readonly string[] | undefined
  /** Bound on the memory of the process, bytes. Default 1 GB. A tensor that is stored as it is must fit. */
  memory?: number | undefined
}

/** What a file of BitDelta holds. */
export interface BitDeltaContent {
  /** Tensors that are stored by signs. */
  signs: string[]
  /** Tensors that are stored as they are. */
  whole: string[]
  /** Bytes of the file. */
  bytes: number
}

/**
 * Writes the file. As BitDelta's program has it, the delta of a matrix is rounded to the format of the weights, where both models have the
 * same; its scale is the mean magnitude of that, float32, and the sign of 0 is +.
 * Source: Liu et al. 2024 (BitDelta), arXiv 2402.10193, equations 3 and 4; `BinaryDiff` of its code.
 * @throws UserError for a name that is taken, a tensor that the base lacks, and weights that are not finite; nothing is left then
 */
export async function writeBitDelta(base: string, post: string, options: BitDeltaOptions): Promise<BitDeltaContent> {
  const { out } = options
  await checkPlace(out, options.overwrite ?? false)
  const pair = await pairCheckpoints(...(await openModels(base, post)), { ignoreUnmatched: true })
  try {
    await checkApart(out, [...sourcesOf(pair.base), ...sourcesOf(pair.post)])
    await prepareFolder(dirname(resolve(out)))
    const content = await contentOf(pair, options)
    checkMemory(needsOf(pair, content), 'a file of torch.save', options.memory)
    const moduleOf = new Map(content.signs.map((name) => [name.slice(0, -'.weight'.length), name]))
    const shapeOf = (name: string) => pair.base.tensors.get(name)!.shape as [number, number]
    const saved = [
      ...[...moduleOf].flatMap(([module, name]): SavedTensor[] => [
        { name: module + MASK, dtype: 'I32', shape: [shapeOf(name)[1] / 32, shapeOf(name)[0]] },
        { name: module + COEFF, dtype: 'F32', shape: [] },
      ]),
      ...content.whole.map((name): SavedTensor => ({ ...pair.post.tensors.get(name)!, name })),
    ]
    let last: { module: string; signs: Signs } | undefined
    const signsOf = async (module: string): Promise<Signs> => {
      const name = moduleOf.get(module)!
      if (last?.module === module) return last.signs
      const signs = await readSigns(pair, name, shapeOf(name)).catch((cause: unknown) => {
        const isRange = cause instanceof BadValue
        if (!isRange && !(cause instanceof BadWeights)) throw cause
        const why = isRange ? `tensor ${JSON.stringify(name)}: its delta is too large for its format` : cause.message
        throw new UserError(`${why}; leave it out (--exclude), and it is stored as it is`, { cause })
      })
      last = { module, signs }
      return signs
    }
    await track({ name: 'compress', unit: 'tensors', total: saved.length }, ({ add }) =>
      writeWhole(
        out,
        torchFile(saved, async ({ name }) => {
          add(1, name)
          if (pair.post.tensors.has(name)) return pair.post.readBytes(name)
          const { words, alpha } = await signsOf(name.slice(0, name.lastIndexOf('.')))
          return new Uint8Array((name.endsWith(MASK) ? words : alpha).buffer)
        }),
      ),
    )
    return { ...content, bytes: (await stat(out)).size }
  } finally {
    await Promise.all([pair.base.close(), pair.post.close()])
  }
}

/** Entries that are read at a time. */
const BLOCK = 1 << 20

/** What is in memory at once: a tensor that is stored as it is, or the signs of a matrix. */
const needsOf = ({ post }: Pair, { signs, whole }: Pick<BitDeltaContent, 'signs' | 'whole'>) => [
  ...whole.map((name) => ({ name, bytes: post.tensors.get(name)!.end - post.tensors.get(name)!.begin })),
  ...signs.map((name) => ({ name, bytes: countEntries(post.tensors.get(name)!.shape) / 8 })),
]

/** @throws BadWeights, and BadValue for a delta that is too large for its format */
async function readSigns({ base, post }: Pair, name: string, shape: readonly [number, number]): Promise<Signs> {
  const [rows, columns] = shape
  const [dtype, before] = [post.tensors.get(name)!.dtype, base.tensors.get(name)!.dtype]
  const format = dtype === before ? (dtype as ValueFormat) : 'F32'
  const { add, end } = collectSigns(shape)
  const step = Math.max(1, Math.floor(BLOCK / columns))
  for (let from = 0; from < rows; from += step) {
    const part = { from, to: Math.min(rows, from + step) }
    const [delta, old] = [await weightRows(post, name, part), await weightRows(base, name, part)]
    for (let i = 0; i < delta.length; i++) delta[i]! -= old[i]!
    add(decodeValues(encodeValues(delta, format), format))
  }
  return end()
}

async function checkPlace(out: string, overwrite: boolean): Promise<void> {
  if (!/\.(pt|pth|bin)$/.test(out))
    throw new UserError(`${out}: BitDelta's file is one of torch.save: give it the ending .pt`)
  const info = statSync(out, { throwIfNoEntry: false })
  if (info?.isDirectory()) throw new UserError(`${out}: is a folder; give the name of a file`)
  if (!info) return
  if (!overwrite) throw new UserError(`${out}: exists; choose another name or give --overwrite`)
  if (!(await isBitDeltaFile(out)))
    throw new UserError(`${out}: is no file of BitDelta, and is not overwritten; choose another name`)
}

/** How each tensor that moved is stored. */
async function contentOf(
  pair: Pair,
  { include = [], exclude = [] }: BitDeltaOptions,
): Promise<Pick<BitDeltaContent, 'signs' | 'whole'>> {
  const { base, post, tied } = pair
  const shared = pair.names.map((name) => post.tensors.get(name)!)
  const chosen = new Set(selectTensors(shared, { include: include.length ? include : ['linear'], exclude }))
  const found: Record<'signs' | 'whole', string[]> = { signs: [], whole: [] }
  for (const { name, dtype, shape, begin, end } of post.tensors.values()) {
    const before = base.tensors.get(name)
    if (!before && tied.has(name)) continue
    const fixed = shape.length === 2 ? 1 : 0
    if (before?.shape.length !== shape.length || before.shape.slice(fixed).join() !== shape.slice(fixed).join())
      throw new UserError(
        `${post.folder}: tensor ${JSON.stringify(name)} [${shape.join(', ')}] ${before ? `is [${before.shape.join(', ')}] in the base` : 'is not in the base'}; a file of BitDelta changes tensors of the base`,
      )
    if (!isTorchFormat(dtype))
      throw new UserError(
        `${post.folder}: tensor ${JSON.stringify(name)} is ${dtype}, which torch.save has no storage for`,
      )
    const [from, to] = [base.place(name), post.place(name)]
    if (from && to && from.dtype === to.dtype && before.shape.join() === shape.join())
      if (await isSame(from, to, end - begin)) continue
    const isMatrix = shape.length === 2 && before.shape[0] === shape[0] && shape[1]! % 32 === 0
    const isSigned = chosen.has(name) && isMatrix && name.endsWith('.weight') && before.dtype in VALUE_BYTES
    found[isSigned ? 'signs' : 'whole'].push(name)
  }
  const left = [...chosen].filter((name) => found.whole.includes(name))
  if (!found.signs.length)
    throw new UserError(
      left.length
        ? `no tensor is stored by signs; BitDelta packs matrices NAME.weight whose rows have a multiple of 32 entries, and ${firstFew(left, 4)} are none`
        : `no chosen tensor differs from that of the base`,
    )
  return found
}
