// Weights quantised by MLX (0.32), in its four modes: codes of 2 to 8 bits in words along the input, with scales by groups of inputs.
import { type Coded, floats, type Quantisation } from './coded.js'
import { tableOf } from './dtype.js'
import { E2M1 } from './fp4.js'
import { asWords, codesIn, type PackedWeight, packedFault, packedPart } from './packed-weight.js'
import { refuseQuantised } from './quantised.js'

interface Mode {
  /** Inputs of a group, and bits of a code, that MLX writes: the first where config.json does not say. */
  groups: readonly number[]
  bits: readonly number[]
  /** Values of the codes, and of the bytes of the scales; null for numbers as they are. */
  levels: ArrayLike<number> | null
  scales: ArrayLike<number> | null
}

/** By its name in config.json. Affine weights are code · scale + bias of their group, the others code · scale. */
const MODES: Readonly<Record<string, Mode>> = {
  affine: { groups: [64, 32, 128], bits: [4, 2, 3, 5, 6, 8], levels: null, scales: null },
  mxfp4: { groups: [32], bits: [4], levels: E2M1, scales: tableOf('F8_E8M0')! },
  nvfp4: { groups: [16], bits: [4], levels: E2M1, scales: tableOf('F8_E4M3')! },
  mxfp8: { groups: [32], bits: [8], levels: tableOf('F8_E4M3')!, scales: tableOf('F8_E8M0')! },
}

const anyOf = (numbers: readonly number[]): string =>
  [...numbers]
    .sort((a, b) => a - b)
    .join(', ')
    .replace(/, (\d+)$/, ' or $1')

/**
 * Settings stand below the path of a layer where it has its own. Each weight is rounded once.
 * @throws UserError for a mode that is not read, and for parts that do not fit each other, or config.json
 */
export async function readMlxWeight(weight: PackedWeight, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const own = entry[base]
  const { mode: name = 'affine', ...given } = (typeof own === 'object' && own !== null ? own : entry) as typeof entry
  const mode = Object.hasOwn(MODES, String(name)) ? MODES[String(name)]! : null
  if (!mode) throw refuseQuantised(stored.folder, `MLX in its mode ${JSON.stringify(name)}`)
  const [group, bits] = [given.group_size ?? mode.groups[0], given.bits ?? mode.bits[0]] as [number, number]
  const said = `config.json says codes of ${JSON.stringify(bits)} bit in groups of ${JSON.stringify(group)}`
  if (!mode.bits.includes(bits) || !mode.groups.includes(group))
    throw packedFault(weight, `${said}; ${name} has ${anyOf(mode.bits)} bit in groups of ${anyOf(mode.groups)}`)
  const { shape: packed, dtype } = stored.tensors.get(`${base}.scales`)!
  const codes = stored.tensors.get(`${base}.weight`)!
  const outer = codes.shape.slice(0, -1)
  const words = codes.shape.at(-1)!
  const inputs = (words * 32) / bits
  if (!Number.isInteger(inputs / group))
    throw packedFault(
      weight,
      `${said}, which ${words} words do not hold; its scales are ${dtype} [${packed.join(', ')}]`,
    )
  const groups = inputs / group
  const isAffine = mode.levels === null
  const scales = packedPart(weight, 'scales', [...outer, groups], isAffine ? /^(F16|BF16|F32)$/ : /^U8$/)
  const biases = isAffine ? packedPart(weight, 'biases', [...outer, groups], /^(F16|BF16|F32)$/) : null
  const readScales = async (from: number, to: number): Promise<ArrayLike<number>> =>
    mode.scales
      ? Float32Array.from(await stored.bytes(scales, from, to), (byte) => mode.scales![byte]!)
      : floats(stored, scales, from, to)
  return {
    name: codes.name,
    format: `MLX's ${name} of ${bits} bit`,
    shape: [...outer, inputs],
    dtype: isAffine ? (dtype as 'F16' | 'BF16' | 'F32') : 'BF16',
    partners: [scales, ...(biases === null ? [] : [biases])],
    async lines(from, to) {
      const bytes = await stored.bytes(codes.name, from * words * 4, to * words * 4)
      const codeAt = codesIn(asWords(bytes), { bits, runsOn: true })
      const factors = await readScales(from * groups, to * groups)
      const starts = biases === null ? null : await floats(stored, biases, from * groups, to * groups)
      const values = new Float32Array((to - from) * inputs)
      for (let line = 0; line < to - from; line++)
        for (let input = 0; input < inputs; input++) {
          const code = codeAt(input, line * words, 1)
          const at = line * groups + Math.floor(input / group)
          values[line * inputs + input] = (mode.levels?.[code] ?? code) * factors[at]! + (starts?.[at] ?? 0)
        }
      return values
    },
  }
}
