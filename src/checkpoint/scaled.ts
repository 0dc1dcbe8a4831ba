// Weights of one byte with scales on a grid: fp8 of transformers, FBGEMM and compressed-tensors, MXFP8, and compressed-tensors'
// int8. One rule: weight = (code − zero point) · scale of its block, rounded once to float32.
import { UserError } from '../errors/index.js'
import { floats, holdsScales, sizeOf, type Coded, type Stored } from './coded.js'
import { tableOf } from './dtype.js'
import type { Quantisation } from './quantised.js'

/** Sides of the blocks that share a scale; a `whole` side is that of the matrix. */
interface Blocks {
  words: string
  sides: readonly [rows: number | 'whole', columns: number | 'whole']
}

const TENSOR: Blocks = { words: 'with one scale per tensor', sides: ['whole', 'whole'] }
const ROW: Blocks = { words: 'with one scale per row', sides: [1, 'whole'] }
const inBlocks = (rows: number, columns: number): Blocks => ({ words: `in blocks of ${rows} x ${columns}`, sides: [rows, columns] })

/** The scale beside a tensor of codes: `weight_scale_inv` (a factor in spite of its name), `weight_scale`, or DeepSeek's `scale`. */
export const scaleNames = (name: string): string[] => [`${name}_scale_inv`, `${name}_scale`, ...(/\.weight$/.test(name) ? [name.replace(/weight$/, 'scale')] : [])]

/** Whether this tensor holds codes whose scales are beside it. */
export const isScaled = ({ tensors }: Stored, name: string): boolean =>
  /^(F8_E4M3|F8_E5M2|I8)$/.test(tensors.get(name)!.dtype) && scaleNames(name).some((scale) => tensors.has(scale))

/** @throws UserError where the scales do not lie as config.json says, or it does not say how they lie */
export function readScaled(stored: Stored, name: string, said: Quantisation | null): Coded {
  const { folder, tensors } = stored
  const { dtype, shape } = tensors.get(name)!
  const scale = scaleNames(name).find((each) => tensors.has(each))!
  const zeros = tensors.has(`${name}_zero_point`) ? `${name}_zero_point` : null
  const wrong = (why: string) => new UserError(`${folder}: tensor ${JSON.stringify(name)}: ${why}`)
  if (said?.method === 'fbgemm_fp8' && shape.length > 2) throw wrong('FBGEMM fp8 experts are not read')
  if (dtype === 'I8' && said && said.method !== 'compressed-tensors') throw wrong(`is I8 with scales, which is not ${said.method}`)
  if (tensors.has(`${name}_g_idx`)) throw wrong(`has groups in an order of their own (${name}_g_idx), which is not read`)
  if (!holdsScales(tensors.get(scale)!.dtype)) throw wrong(`its scales ${scale} are ${tensors.get(scale)!.dtype}`)

  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const sidesOf = (sides: Blocks['sides']): [number, number] => [sides[0] === 'whole' ? rows : sides[0], sides[1] === 'whole' ? columns : sides[1]]
  const gridOf = (sides: Blocks['sides']) => sidesOf(sides).map((side, i) => Math.ceil([rows, columns][i] / side))
  const found = tensors.get(scale)!.shape
  const fits = ({ sides }: Blocks): boolean => {
    if (sides[0] === 'whole' && sides[1] === 'whole') return sizeOf(found) === 1
    const wanted = [...shape.slice(0, -2), ...gridOf(sides)]
    return String(found) === String(wanted) || (sides[1] === 'whole' && String(found) === String(wanted.slice(0, -1)))
  }
  const choices = blocksOf(said, dtype, scale, found, rows)
  const blocks = choices.filter(fits)
  if (!blocks.length) {
    const wanted = choices.map(({ words, sides }) => `${words} take ${sides[0] === 'whole' ? '1 value' : `[${[...shape.slice(0, -2), ...gridOf(sides)].join(', ')}]`}`)
    throw wrong(`[${shape.join(', ')}]: its scales ${scale} are [${found.join(', ')}], but ${wanted.join(', or ') || `config.json does not say how scales of ${dtype} lie`}`)
  }
  if (new Set(blocks.map(({ sides }) => String(sidesOf(sides)))).size > 1) throw wrong(`config.json has several groups that its scales ${scale} would fit: ${blocks.map(({ words }) => words).join(', ')}`)
  if (zeros && (sizeOf(tensors.get(zeros)!.shape) !== sizeOf(found) || !tableOf(tensors.get(zeros)!.dtype))) throw wrong(`its zero points ${zeros} are ${tensors.get(zeros)!.dtype} [${tensors.get(zeros)!.shape.join(', ')}]; one I8 for each scale is wanted`)

  const [{ words, sides }] = blocks
  const whole = sides[0] === 'whole'
  const [height, width] = sidesOf(sides)
  const [down, across] = gridOf(sides)
  const table = tableOf(dtype)!
  /** Row of the grid that a line of the tensor takes its scales from. */
  const rowOf = (line: number): number => (whole ? 0 : Math.floor(line / rows) * down + Math.floor((line % rows) / height))
  return {
    format: `${dtype === 'I8' ? 'int8' : 'fp8'} ${words}`,
    shape,
    partners: [scale, ...(zeros ? [zeros] : [])],
    async lines(from, to) {
      const codes = await stored.bytes(name, from * columns, to * columns)
      const first = rowOf(from)
      const span = [first * across, (rowOf(Math.max(from, to - 1)) + 1) * across] as const
      const scales = await floats(stored, scale, ...span)
      const offsets = zeros ? await floats(stored, zeros, ...span) : null
      const values = new Float32Array(codes.length)
      for (let line = from; line < to; line++) {
        const start = (line - from) * columns
        for (let j = 0, at = (rowOf(line) - first) * across; j < across; j++, at++) {
          const [factor, zero] = [scales[at], offsets?.[at] ?? 0]
          const end = start + Math.min(columns, (j + 1) * width)
          for (let i = start + j * width; i < end; i++) values[i] = (table[codes[i]] - zero) * factor
        }
      }
      return values
    },
  }
}

/** How the scales of a tensor may lie: as config.json says. Without one, only where a scale says it by itself: one in all, or one per row. */
function blocksOf(said: Quantisation | null, dtype: string, scale: string, found: readonly number[], rows: number): Blocks[] {
  const single = sizeOf(found) === 1
  if (said === null) return single ? [TENSOR] : String(found) === `${rows},1` || String(found) === String(rows) ? [ROW] : []
  const { method, entry } = said
  if (method === 'fbgemm_fp8') return [ROW]
  if (method === 'mxfp8') return [inBlocks(1, 32)]
  if (method === 'compressed-tensors') return groupsOf(entry).flatMap((weights) => (typeOf(weights) === (dtype === 'I8' ? 'int' : 'float') ? [strategyOf(weights)] : []))
  // As transformers reads it: blocks of 128 where the key is missing, one scale per tensor where it is null. vLLM's `weight_scale` is that of a tensor too.
  const size = entry.weight_block_size === undefined ? [128, 128] : entry.weight_block_size
  const blocks = isPair(size) ? [inBlocks(size[0], size[1])] : []
  return blocks.length && !(single && !scale.endsWith('_inv')) && !(single && entry.weight_block_size === undefined) ? blocks : [TENSOR]
}

const isPair = (value: unknown): value is [number, number] => Array.isArray(value) && value.length === 2 && value.every((side) => Number.isSafeInteger(side) && side > 0)

interface GroupWeights {
  num_bits?: unknown
  type?: unknown
  strategy?: unknown
  group_size?: unknown
  block_structure?: unknown
}

/** The `weights` of each of compressed-tensors' config_groups. */
function groupsOf(entry: Quantisation['entry']): GroupWeights[] {
  return Object.values((entry.config_groups ?? {}) as Record<string, { weights?: GroupWeights | null } | null>).flatMap((group) => (group?.weights ? [group.weights] : []))
}

/** Integers of fewer bits are stored in I8 too. */
const typeOf = ({ type = 'int', num_bits: bits }: GroupWeights): unknown => (bits === 8 || (type === 'int' && (bits as number) < 8) ? type : null)

/** compressed-tensors leaves the strategy out where the size of a group says it: none is a tensor, -1 a row. */
function strategyOf({ strategy, group_size: size, block_structure: block }: GroupWeights): Blocks {
  const sides = typeof block === 'string' ? block.split('x').map(Number) : block
  const named = strategy ?? (size === -1 ? 'channel' : size ? 'group' : 'tensor')
  if (named === 'tensor') return TENSOR
  if (named === 'channel') return ROW
  if (named === 'group' && Number.isSafeInteger(size) && (size as number) > 0) return inBlocks(1, size as number)
  if (named === 'block' && isPair(sides)) return inBlocks(...sides)
  throw new UserError(`config.json: config_groups: weights of strategy ${JSON.stringify(named)} (group_size ${JSON.stringify(size)}, block_structure ${JSON.stringify(block)}) are not read`)
}
