// Weights of one byte with scales on a grid: fp8 of transformers, FBGEMM and compressed-tensors, MXFP8, and compressed-tensors'
// int8. One rule: weight = (code − zero point) · scale of its block, rounded once to float32.

import { UserError } from '../errors/index.js'
import { countEntries } from '../kernels/index.js'
import { type Coded, floats, holdsScales, type Quantisation, type Stored } from './coded.js'
import { tableOf } from './dtype.js'

/** The part of a matrix that shares a scale. */
interface Block {
  /** In an error or a note, after `fp8`. */
  words: string
  height: number
  width: number
}

type Matrix = readonly [rows: number, columns: number]

const tensorBlock = ([height, width]: Matrix): Block => ({ words: 'with one scale per tensor', height, width })
const rowBlock = ([, width]: Matrix): Block => ({ words: 'with one scale per row', height: 1, width })
const blockOf = ([height, width]: readonly [number, number]): Block => ({
  words: `in blocks of ${height} x ${width}`,
  height,
  width,
})

/** A block of these sides, in the shortest words for it. */
export const blockIn = (matrix: Matrix, [height, width]: readonly [number, number]): Block =>
  width === matrix[1] && height === matrix[0]
    ? tensorBlock(matrix)
    : width === matrix[1] && height === 1
      ? rowBlock(matrix)
      : blockOf([height, width])

/** The last blocks of a side may be short. */
const gridOf = ([rows, columns]: Matrix, { height, width }: Scaled['block']): [down: number, across: number] => [
  Math.ceil(rows / height),
  Math.ceil(columns / width),
]

/** The scale beside a tensor of codes: `weight_scale_inv` (a factor in spite of its name), `weight_scale`, or DeepSeek's `scale`. */
const scaleNames = (name: string): string[] => [
  `${name}_scale_inv`,
  `${name}_scale`,
  ...(/\.weight$/.test(name) ? [name.replace(/weight$/, 'scale')] : []),
]

/** Whether this tensor holds codes whose scales are beside it. */
export const isScaled = ({ tensors }: Stored, name: string): boolean =>
  /^(F8_E4M3|F8_E5M2|I8)$/.test(tensors.get(name)!.dtype) && scaleNames(name).some((scale) => tensors.has(scale))

/** @throws UserError where the scales do not lie as config.json says, or it does not say how they lie */
export function readScaled(stored: Stored, name: string, said: Quantisation | null): Coded {
  const { tensors } = stored
  const { dtype, shape } = tensors.get(name)!
  const matrix: Matrix = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const scale = scaleNames(name).find((each) => tensors.has(each))!
  const zeros = tensors.has(`${name}_zero_point`) ? `${name}_zero_point` : null
  checkParts(stored, name, scale, said)
  const block = chooseBlock({
    folder: stored.folder,
    name,
    dtype,
    shape,
    scale,
    found: tensors.get(scale)!.shape,
    said,
    matrix,
  })
  return {
    name,
    format: `${dtype === 'I8' ? 'int8' : 'fp8'} ${block.words}`,
    shape,
    partners: [scale, ...(zeros ? [zeros] : [])],
    lines: scaledLines(stored, { codes: name, scale, zeros, block }),
  }
}

/** Names of a tensor of one-byte codes, of its scales and zero points, and the sides of the block that shares them. */
interface Scaled {
  codes: string
  scale: string
  zeros: string | null
  block: Readonly<{ height: number; width: number }>
}

/** Reads lines of (code − zero point) · scale of its block. A single scale is that of all. */
export function scaledLines(stored: Stored, { codes: name, scale, zeros, block }: Scaled): Coded['lines'] {
  const { dtype, shape } = stored.tensors.get(name)!
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const [down, across] = gridOf([rows, columns], block)
  const single = countEntries(stored.tensors.get(scale)!.shape) === 1
  const table = tableOf(dtype)!
  /** Row of the grid that a line of the tensor takes its scales from. */
  const rowOf = (line: number): number =>
    single ? 0 : Math.floor(line / rows) * down + Math.floor((line % rows) / block.height)
  return async (from, to) => {
    const codes = await stored.bytes(name, from * columns, to * columns)
    const first = rowOf(from)
    const span = [first * across, (rowOf(Math.max(from, to - 1)) + 1) * across] as const
    const scales = await floats(stored, scale, ...span)
    const offsets = zeros ? await floats(stored, zeros, ...span) : null
    const values = new Float32Array(codes.length)
    for (let line = from; line < to; line++) {
      const start = (line - from) * columns
      for (let j = 0, at = (rowOf(line) - first) * across; j < across; j++, at++) {
        const factor = scales[at]!
        const zero = offsets ? offsets[at]! : 0
        const end = start + Math.min(columns, (j + 1) * block.width)
        for (let i = start + j * block.width; i < end; i++) values[i] = (table[codes[i]!]! - zero) * factor
      }
    }
    return values
  }
}

const fault = (folder: string, name: string, why: string) =>
  new UserError(`${folder}: tensor ${JSON.stringify(name)}: ${why}`)

function checkParts({ folder, tensors }: Stored, name: string, scale: string, said: Quantisation | null): void {
  const { dtype, shape } = tensors.get(name)!
  const [factors, zeros] = [tensors.get(scale)!, tensors.get(`${name}_zero_point`)]
  if (said?.method === 'fbgemm_fp8' && shape.length > 2) throw fault(folder, name, 'FBGEMM fp8 experts are not read')
  if (dtype === 'I8' && said && said.method !== 'compressed-tensors')
    throw fault(folder, name, `is I8 with scales, which is not ${said.method}`)
  if (tensors.has(`${name}_g_idx`))
    throw fault(folder, name, `has groups in an order of their own (${name}_g_idx), which is not read`)
  if (!holdsScales(factors.dtype)) throw fault(folder, name, `its scales ${scale} are ${factors.dtype}`)
  if (zeros && (countEntries(zeros.shape) !== countEntries(factors.shape) || !tableOf(zeros.dtype)))
    throw fault(
      folder,
      name,
      `its zero points ${zeros.name} are ${zeros.dtype} [${zeros.shape.join(', ')}]; one I8 for each scale is wanted`,
    )
}

/** A tensor of codes and its scales. */
interface ScaledCodes {
  folder: string
  name: string
  dtype: string
  shape: readonly number[]
  /** Its last two axes. */
  matrix: Matrix
  /** Name and shape of the scales. */
  scale: string
  found: readonly number[]
  said: Quantisation | null
}

/** The block whose grid the scales are; a single scale is that of the whole. */
function chooseBlock(codes: ScaledCodes): Block {
  const { folder, name, dtype, shape, scale, found, matrix } = codes
  const choices = blocksOf(codes)
  const wantedOf = (block: Block) => [...shape.slice(0, -2), ...gridOf(matrix, block)]
  const fits = (block: Block): boolean => {
    const wanted = wantedOf(block)
    const isWhole = block.height >= matrix[0] && block.width >= matrix[1]
    return (
      String(found) === String(wanted) ||
      (isWhole && countEntries(found) === 1) ||
      (block.width >= matrix[1] && String(found) === String(wanted.slice(0, -1)))
    )
  }
  const fitting = choices.filter(fits)
  if (new Set(fitting.map(({ height, width }) => `${height} ${width}`)).size > 1)
    throw fault(
      folder,
      name,
      `config.json has several groups that its scales ${scale} would fit: ${fitting.map(({ words }) => words).join(', ')}`,
    )
  if (fitting.length) return fitting[0]!
  const wanted = choices.map((block) => `${block.words} take [${wantedOf(block).join(', ')}]`).join(', or ')
  throw fault(
    folder,
    name,
    `[${shape.join(', ')}]: its scales ${scale} are [${found.join(', ')}], but ${wanted || `config.json does not say how scales of ${dtype} lie`}`,
  )
}

/** How the scales of a tensor may lie: as config.json says. Without one, only where a scale says it by itself: one in all, or one per row. */
function blocksOf({ said, dtype, scale, found, matrix }: ScaledCodes): Block[] {
  const single = countEntries(found) === 1
  if (said === null)
    return single
      ? [tensorBlock(matrix)]
      : [`${matrix[0]},1`, `${matrix[0]}`].includes(String(found))
        ? [rowBlock(matrix)]
        : []
  const { method, entry } = said
  if (method === 'fbgemm_fp8') return [rowBlock(matrix)]
  if (method === 'modelopt') return [tensorBlock(matrix)]
  if (method === 'mxfp8') return [blockOf([1, 32])]
  if (method === 'compressed-tensors')
    return groupsOf(entry).flatMap((weights) =>
      typeOf(weights) === (dtype === 'I8' ? 'int' : 'float') ? [strategyOf(weights, matrix)] : [],
    )
  // As transformers reads it: one scale per tensor where the key is null, blocks of 128 where it is missing. vLLM's `weight_scale` of
  // one value is that of a tensor.
  const { weight_block_size: size } = entry
  if (size === null || (single && (size === undefined || !scale.endsWith('_inv')))) return [tensorBlock(matrix)]
  if (size === undefined) return [blockOf([128, 128])]
  if (isPair(size)) return [blockOf(size)]
  throw new UserError(`config.json: weight_block_size ${JSON.stringify(size)} is not a pair of sides`)
}

const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((side) => Number.isSafeInteger(side) && side > 0)

interface GroupWeights {
  num_bits?: unknown
  type?: unknown
  strategy?: unknown
  group_size?: unknown
  block_structure?: unknown
}

/** The `weights` of each of compressed-tensors' config_groups. */
function groupsOf(entry: Quantisation['entry']): GroupWeights[] {
  return Object.values((entry.config_groups ?? {}) as Record<string, { weights?: GroupWeights | null } | null>).flatMap(
    (group) => (group?.weights ? [group.weights] : []),
  )
}

/** Integers of fewer bits are stored in I8 too. */
const typeOf = ({ type = 'int', num_bits: bits }: GroupWeights): unknown =>
  bits === 8 || (type === 'int' && (bits as number) < 8) ? type : null

/** compressed-tensors leaves the strategy out where the size of a group says it: none is a tensor, -1 a row. */
function strategyOf({ strategy, group_size: size, block_structure: block }: GroupWeights, matrix: Matrix): Block {
  const sides = typeof block === 'string' ? block.split('x').map(Number) : block
  const named = strategy ?? (size === -1 ? 'channel' : size ? 'group' : 'tensor')
  if (named === 'tensor') return tensorBlock(matrix)
  if (named === 'channel') return rowBlock(matrix)
  if (named === 'group' && Number.isSafeInteger(size) && (size as number) > 0) return blockOf([1, size as number])
  if (named === 'block' && isPair(sides)) return blockOf(sides)
  throw new UserError(
    `config.json: config_groups: weights of strategy ${JSON.stringify(named)} (group_size ${JSON.stringify(size)}, block_structure ${JSON.stringify(block)}) are not read`,
  )
}
