// Which format a quantised folder is in, by its config and its tensors together. What is not decoded is refused by name, from
// headers and config alone.
import { UserError } from '../errors/index.js'
import { isObject } from '../schema/index.js'
import { AUTO_ROUND, isMlxCodes, type Quantisation, STATE, type Stored, TORCHAO } from './coded.js'
import { isScaled } from './scaled.js'

const QUANTISATION_KEYS = ['quantization_config', 'compression_config'] as const
/** Where mlx-lm writes how weights are quantised; newer releases do under the first of the keys above too. */
const MLX_KEY = 'quantization'

type Json = Readonly<Record<string, unknown>>

const isMlx = (entry: unknown): entry is Json => isObject(entry) && 'group_size' in entry && 'bits' in entry

/** The entry may stand in the config of a part, such as `text_config`. @throws UserError for an entry without a method */
function quantisationOf(folder: string, config: Json | null): Quantisation | null {
  for (const holder of [config, ...Object.values(config ?? {})]) {
    if (isObject(holder) && isMlx(holder[MLX_KEY])) return { method: 'mlx', entry: holder[MLX_KEY] }
    for (const key of QUANTISATION_KEYS) {
      const entry = isObject(holder) ? holder[key] : undefined
      if (entry === undefined || entry === null) continue
      if (!isObject(entry))
        throw new UserError(`${folder}: config.json: ${key} is ${JSON.stringify(entry)}; an object is wanted`)
      const method =
        entry.quant_method ??
        (entry.load_in_4bit || entry.load_in_8bit
          ? 'bitsandbytes'
          : key === 'compression_config'
            ? 'compressed-tensors'
            : isMlx(entry)
              ? 'mlx'
              : undefined)
      if (typeof method !== 'string') throw new UserError(`${folder}: config.json: ${key} names no quant_method`)
      return { method, entry }
    }
  }
  return null
}

/** The config of the decoded model. */
export function withoutQuantisation(config: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(config).filter(
    ([key, value]) => !(QUANTISATION_KEYS as readonly string[]).includes(key) && !(key === MLX_KEY && isMlx(value)),
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, isObject(value) ? withoutQuantisation(value) : value]))
}

/** What tensors show by their names and formats. */
type Sign =
  | 'scales'
  | 'bitsandbytes 4 bit'
  | 'bitsandbytes int8'
  | 'GPTQ'
  | 'AWQ'
  | 'compressed-tensors with packed codes'
  | 'mxfp4'
  | 'torchao'
  | 'MLX'

/** The first tensor that shows each. */
function signsOf(stored: Stored): Map<Sign, string> {
  const { tensors } = stored
  const signs = new Map<Sign, string>()
  const add = (sign: Sign, name: string) => void (signs.has(sign) || signs.set(sign, name))
  for (const { name, dtype } of tensors.values()) {
    if (STATE.test(name)) add('bitsandbytes 4 bit', name)
    else if (TORCHAO.test(name)) add('torchao', name)
    else if (isMlxCodes(stored, name)) add('MLX', name)
    else if (name.endsWith('.SCB')) add('bitsandbytes int8', name)
    else if (name.endsWith('.qweight')) add(tensors.has(name.replace(/qweight$/, 'g_idx')) ? 'GPTQ' : 'AWQ', name)
    else if (name.endsWith('.weight_packed')) add('compressed-tensors with packed codes', name)
    else if (dtype === 'U8' && name.endsWith('_blocks') && tensors.has(name.replace(/blocks$/, 'scales')))
      add('mxfp4', name)
    else if (name.endsWith('weight_scale_inv') || isScaled(stored, name)) add('scales', name)
  }
  return signs
}

/** What is decoded without a word of config.json; the others need its bits, groups or packing. */
const PLAIN: readonly Sign[] = ['scales', 'bitsandbytes 4 bit', 'bitsandbytes int8']

/** What the tensors of a method may show; any for methods that are not here. */
function signsOfMethod({ method, entry }: Quantisation): readonly Sign[] | undefined {
  if (method === 'bitsandbytes')
    return entry.load_in_4bit
      ? ['bitsandbytes 4 bit']
      : entry.load_in_8bit
        ? ['bitsandbytes int8']
        : ['bitsandbytes 4 bit', 'bitsandbytes int8']
  if (['fp8', 'mxfp8', 'fbgemm_fp8', 'modelopt'].includes(method)) return ['scales']
  if (method === 'compressed-tensors') return ['scales', 'compressed-tensors with packed codes']
  if (method === 'awq') return ['AWQ']
  // GPTQ without g_idx has the names of AWQ.
  if (['gptq', 'auto-round'].includes(method)) return ['GPTQ', 'AWQ']
  if (method === 'mlx') return ['MLX']
  return method === 'mxfp4' || method === 'torchao' ? [method] : undefined
}

/** Formats of compressed-tensors whose weights are plain, codes with scales beside them, or packed. */
const COMPRESSED = [
  'dense',
  'float-quantized',
  'int-quantized',
  'naive-quantized',
  'mxfp8-quantized',
  'mixed-precision',
  'pack-quantized',
  'mxfp4-pack-quantized',
  'nvfp4-pack-quantized',
]

/** The name to refuse a method with; null for one that is decoded. */
function refusalOf({ method, entry }: Quantisation): string | null {
  const { bits, version, format, checkpoint_format: packing = format } = entry
  if (['fp8', 'mxfp8', 'fbgemm_fp8', 'bitsandbytes', 'mxfp4', 'torchao', 'mlx'].includes(method)) return null
  if (method === 'auto-round') return autoRoundRefusal(entry)
  if (method === 'gptq') {
    if (entry.is_marlin_format) return 'GPTQ in its marlin packing'
    if ((format ?? packing) !== packing)
      return `GPTQ in its ${packing} packing by checkpoint_format and its ${format} packing by format`
    if (packing !== undefined && packing !== null && packing !== 'gptq' && packing !== 'gptq_v2')
      return `GPTQ in its ${packing} packing`
    return [2, 3, 4, 8].includes(bits as number) ? null : `GPTQ of ${bits} bit`
  }
  if (method === 'awq') {
    if (/gemv|llm-awq/.test(`${version} ${format} ${packing} ${entry.backend}`)) return 'AWQ in its gemv packing'
    if (/marlin/.test(`${version} ${format} ${packing}`)) return 'AWQ in its marlin packing'
    return (bits ?? entry.w_bit) === 4 ? null : `AWQ of ${bits ?? entry.w_bit} bit`
  }
  if (method === 'compressed-tensors') return compressedRefusal(entry)
  if (method === 'modelopt') return entry.quant_algo === 'FP8' ? null : `${entry.quant_algo} of modelopt`
  return KNOWN[method] ?? `quantization_config.quant_method is ${JSON.stringify(method)}, which`
}

/** What auto-round 0.16.1 packs as GPTQ or AWQ do; other types, activations and bits of single layers are its own. */
function autoRoundRefusal({ bits, data_type, act_bits, packing_format, extra_config }: Json): string | null {
  const packing = AUTO_ROUND[String(packing_format)]
  if (packing === undefined) return `AutoRound in its ${packing_format ?? 'first'} packing`
  if ((data_type ?? 'int') !== 'int' || Number(act_bits ?? 16) < 16)
    return `AutoRound of ${data_type ?? 'int'} with activations of ${act_bits ?? 16} bit`
  const own = Object.values(isObject(extra_config) ? extra_config : {})
    .map((layer) => (isObject(layer) ? (layer.bits ?? bits) : bits))
    .find((each) => each !== bits && Number(each) < 16)
  if (own !== undefined) return `AutoRound of ${bits} bit with layers of ${own} bit`
  return (packing === 'awq' ? [4] : [2, 3, 4, 8]).includes(bits as number) ? null : `AutoRound of ${bits} bit`
}

function compressedRefusal(entry: Json): string | null {
  const { format, config_groups: groups, sparsity_config: sparsity, transform_config: transform } = entry
  // Its weights are products with rotations (QuIP, SpinQuant), and the differences from the base's would be those of the rotations.
  if (isObject(transform) && isObject(transform.config_groups) && Object.keys(transform.config_groups).length)
    return 'compressed-tensors with rotated weights (transform_config)'
  const own = Object.values(isObject(groups) ? groups : {}).filter(isObject)
  const formats = [isObject(sparsity) ? sparsity.format : null, format, ...own.map((group) => group.format)].filter(
    (each) => each !== undefined && each !== null,
  )
  const other = formats.find((each) => !COMPRESSED.includes(String(each)))
  if (other === undefined) return null
  const bits = own
    .map(({ weights }) => (isObject(weights) ? weights.num_bits : undefined))
    .find((each) => each !== undefined)
  return `${other === 'pack-quantized' && bits !== undefined ? `${bits}-bit ` : ''}${other} of compressed-tensors`
}

/** Names of methods as their authors write them. */
const KNOWN: Readonly<Record<string, string>> = {
  nvfp4: 'NVFP4',
  aqlm: 'AQLM',
  hqq: 'HQQ',
  eetq: 'EETQ',
  higgs: 'HIGGS',
  vptq: 'VPTQ',
  spqr: 'SpQR',
  quark: 'Quark',
  quanto: 'quanto',
  bitnet: 'BitNet',
  fp_quant: 'FP-Quant',
  sinq: 'SINQ',
  metal: 'metal',
  fouroversix: 'Four Over Six',
  gguf: 'GGUF',
  exl2: 'ExLlamaV2',
  exl3: 'ExLlamaV3',
}

const ADVICE = 'give the model that it was quantised from, or have the library that wrote it write it in bfloat16'

/** An error for a way to quantise that is not decoded. @param name its words */
export const refuseQuantised = (folder: string, name: string) =>
  new UserError(`${folder}: weights quantised: ${name} is not read; ${ADVICE}`)

/** What a config.json says by itself. @throws UserError for a method that is not decoded */
export function checkQuantisation(folder: string, config: Json | null): Quantisation | null {
  const said = quantisationOf(folder, config)
  const name = said && refusalOf(said)
  if (name) throw refuseQuantised(folder, name)
  return said
}

/** What config.json says, once it is sure that the tensors do not say otherwise and that it is decoded. */
export function recognise(stored: Stored, config: Json | null): Quantisation | null {
  const { tensors } = stored
  // optimum-quanto says nothing in config.json.
  for (const name of tensors.keys())
    if (name.endsWith('._scale') && ['_data', '_data._data'].some((end) => tensors.has(name.replace(/_scale$/, end))))
      throw refuseQuantised(stored.folder, KNOWN.quanto!)
  const said = checkQuantisation(stored.folder, config)
  const signs = signsOf(stored)
  const allowed = said && signsOfMethod(said)
  const odd = allowed && [...signs].find(([sign]) => !allowed.includes(sign))
  if (odd) {
    const given = said.method === 'bitsandbytes' && allowed.length === 1 ? allowed[0] : said.method
    throw new UserError(
      `${stored.folder}: config.json says ${given}, but tensor ${JSON.stringify(odd[1])} shows ${odd[0]}: one of them is of another model`,
    )
  }
  const other = said ? undefined : [...signs].find(([sign]) => !PLAIN.includes(sign))
  if (other)
    throw new UserError(
      `${stored.folder}: tensor ${JSON.stringify(other[1])} shows weights quantised by ${other[0]}, and config.json does not say how; add the quantization_config that the model was published with`,
    )
  return said
}
