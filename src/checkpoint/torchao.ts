// torchao 0.18.0 as transformers saves it: `_weight_qdata` in place of `weight`, and its scales beside it. One rule for its tensors of one-byte
// codes (Int8Tensor, IntxUnpackedToInt8Tensor, Float8Tensor): weight = (code − zero point) · scale of its block, rounded once to float32.
import { UserError } from '../errors/index.js'
import { parseJson } from '../schema/index.js'
import { type Coded, type Stored, TORCHAO } from './coded.js'
import { readHeader } from './header.js'
import { refuseQuantised } from './quantised.js'
import { blockIn, scaledLines } from './scaled.js'

/**
 * Scales have an axis for each of the weight, and so many of them as there are blocks along it.
 * @param name of the codes
 * @throws UserError for a kind of tensor that is not read, by its name
 */
export async function readTorchao(stored: Stored, name: string): Promise<Coded> {
  const { folder, tensors } = stored
  const weight = name.replace(TORCHAO, '$1$2')
  const { dtype, shape, file } = tensors.get(name)!
  const fault = (why: string) => new UserError(`${folder}: tensor ${JSON.stringify(weight)}: ${why}`)
  const part = (end: string) => tensors.get(name.replace(/qdata$/, end))
  const [scale, zeros] = [part('scale'), part('zero_point')]
  if (!/^(I8|F8_E4M3|F8_E5M2)$/.test(dtype) || (scale && !/^(F32|BF16|F16)$/.test(scale.dtype)))
    throw refuseQuantised(folder, `torchao's ${(await kindOf(file, weight)) ?? `packing in ${dtype}`}`)
  if (part('act_pre_scale')) throw refuseQuantised(folder, "torchao's inputs with scales of their own (act_pre_scale)")
  if (!scale) throw fault(`${name.replace(/qdata$/, 'scale')} is missing`)
  const sides = shape.map((side, axis) => side / (scale.shape[axis] ?? Number.NaN))
  if (scale.shape.length !== shape.length || !sides.every(Number.isSafeInteger))
    throw fault(`its scales are [${scale.shape.join(', ')}], which do not divide [${shape.join(', ')}] into blocks`)
  if (shape.length < 2 || sides.slice(0, -2).some((side) => side !== 1))
    throw fault(`[${shape.join(', ')}]: scales that several matrices share, or of no matrix, are not read`)
  if (zeros && (zeros.dtype !== 'I8' || String(zeros.shape) !== String(scale.shape)))
    throw fault(`its zero points are ${zeros.dtype} [${zeros.shape.join(', ')}]; one I8 for each scale is wanted`)
  const block = blockIn(shape.slice(-2) as [number, number], sides.slice(-2) as [number, number])
  return {
    name: weight,
    format: `torchao's ${dtype === 'I8' ? 'int8' : 'fp8'} ${block.words}`,
    shape,
    partners: ['scale', 'zero_point', 'act_quant_scale', 'act_quant_zero_point'].flatMap(
      (end) => part(end)?.name ?? [],
    ),
    lines: scaledLines(stored, { codes: name, scale: scale.name, zeros: zeros?.name ?? null, block }),
  }
}

/** The class of a weight that the header of its file names. */
async function kindOf(file: string, weight: string): Promise<string | null> {
  const { metadata } = await readHeader(file)
  const said = parseJson(metadata[weight] ?? '{}', `${file}: __metadata__: ${weight}`) as { _type?: unknown } | null
  return typeof said?._type === 'string' ? said._type : null
}
