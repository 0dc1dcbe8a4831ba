// Weights of bitsandbytes: 4 bit (nf4, fp4; scales quantised again or not) and int8 (0.50.2).

import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { countEntries } from '../kernels/index.js'
import { checkValue, parseJson } from '../schema/index.js'
import { type Coded, floats, STATE, type Stored } from './coded.js'
import { TORCH_NAMES, tableOf, WRITABLE, type WritableDtype } from './dtype.js'

/** Layouts of int8 by `weight_format`; the first is plain rows. */
const LAYOUTS = ['row', 'col32', 'col_turing', 'col_ampere']

const State = z
  .looseObject({
    quant_type: z.string().optional(),
    blocksize: z.int().min(1),
    dtype: z.string(),
    shape: z.array(z.int().min(0)),
    nested_blocksize: z.int().min(1).optional(),
    nested_offset: z.number().optional(),
  })
  .refine(
    ({ nested_blocksize: size, nested_offset: offset }) => (size === undefined) === (offset === undefined),
    'must have both nested_blocksize and nested_offset, or neither',
  )

/**
 * The codes are one row of nibbles, the high one first, in blocks that run on over the ends of lines: value = map[code] · absmax of
 * its block. Where absmax is quantised too, absmax = nested map[code] · nested absmax + offset.
 * @param wanted nf4 or fp4, where config.json says one
 * @throws UserError where the parts do not fit each other, or config.json
 */
export async function readFourBit(stored: Stored, name: string, state: string, wanted?: unknown): Promise<Coded> {
  const parts = await checkFourBit(stored, name, state, wanted)
  const { shape, blocksize, map, nested } = parts
  const columns = shape.at(-1) ?? 1
  return {
    name,
    format: `bitsandbytes ${parts.kind}${nested ? ' with scales quantised again' : ''}`,
    shape,
    dtype: WRITABLE.find((format) => TORCH_NAMES[format] === parts.dtype) as WritableDtype | undefined,
    partners: [state, map, parts.absmax, ...(nested ? [nested.map, nested.absmax] : [])],
    async lines(from, to) {
      const [begin, end] = [from * columns, to * columns]
      const [byte, block] = [begin >> 1, Math.floor(begin / blocksize)]
      const codes = await stored.bytes(name, byte, Math.ceil(end / 2))
      const levels = await floats(stored, map)
      const sizes = await readAbsmax(stored, parts, block, Math.ceil(end / blocksize))
      const values = new Float32Array(end - begin)
      for (let at = begin; at < end; at++) {
        const pair = codes[(at >> 1) - byte]!
        values[at - begin] = levels[at & 1 ? pair & 15 : pair >> 4]! * sizes[Math.floor(at / blocksize) - block]!
      }
      return values
    },
  }
}

/** What a weight of 4 bits is made of: names of stored tensors, and sizes. */
interface FourBit {
  kind: 'nf4' | 'fp4'
  shape: number[]
  /** What the weight was stored in before. */
  dtype: string
  blocksize: number
  map: string
  absmax: string
  /** Where absmax is quantised too. */
  nested: { map: string; absmax: string; blocksize: number; offset: number } | null
}

/** Finds the parts of a weight of 4 bits and checks that they fit each other. */
async function checkFourBit(stored: Stored, name: string, state: string, wanted: unknown): Promise<FourBit> {
  const { folder, tensors } = stored
  const text = new TextDecoder().decode(await stored.bytes(state))
  const {
    shape,
    blocksize,
    dtype,
    quant_type: kind,
    nested_blocksize: again,
    nested_offset: offset = 0,
  } = checkValue(State, parseJson(text, `${folder}: ${state}`), `${folder}: ${state}`)
  const wrong = (why: string) => new UserError(`${folder}: tensor ${JSON.stringify(name)}: ${why}`)
  const said = STATE.exec(state)![1]
  if (kind !== undefined && kind !== said) throw wrong(`${state} says quant_type ${JSON.stringify(kind)}`)
  if (typeof wanted === 'string' && wanted !== said)
    throw wrong(`is ${said}, but config.json says bnb_4bit_quant_type ${JSON.stringify(wanted)}`)
  if (said !== 'nf4' && said !== 'fp4') throw wrong(`bitsandbytes ${said} is not read`)
  const count = countEntries(shape)
  const scales = Math.ceil(count / blocksize)
  const need = (part: string, entries: number, format: string): string => {
    const entry = tensors.get(`${name}.${part}`)
    if (!entry) throw wrong(`${name}.${part} is missing`)
    if (countEntries(entry.shape) !== entries || entry.dtype !== format)
      throw wrong(
        `${name}.${part} is ${entry.dtype} [${entry.shape.join(', ')}]; ${state} makes it ${entries} of ${format}`,
      )
    return entry.name
  }
  const { begin, end } = tensors.get(name)!
  // Whatever the dtype they are stored in.
  if (end - begin !== Math.ceil(count / 2))
    throw wrong(`${end - begin} bytes; [${shape.join(', ')}] of 4 bit takes ${Math.ceil(count / 2)}`)
  const map = need('quant_map', 16, 'F32')
  const absmax = need('absmax', scales, again ? 'U8' : 'F32')
  const nested = again
    ? {
        map: need('nested_quant_map', 256, 'F32'),
        absmax: need('nested_absmax', Math.ceil(scales / again), 'F32'),
        blocksize: again,
        offset,
      }
    : null
  return { kind: said, shape, dtype, blocksize, map, absmax, nested }
}

/** The scales of blocks from … to − 1. */
async function readAbsmax(
  stored: Stored,
  { absmax, nested }: FourBit,
  from: number,
  to: number,
): Promise<Float32Array> {
  if (!nested) return floats(stored, absmax, from, to)
  const { blocksize, offset } = nested
  const codes = await stored.bytes(absmax, from, to)
  const first = Math.floor(from / blocksize)
  const [levels, sizes] = [
    await floats(stored, nested.map),
    await floats(stored, nested.absmax, first, Math.ceil(to / blocksize)),
  ]
  return Float32Array.from(
    codes,
    (code, i) => Math.fround(levels[code]! * sizes[Math.floor((from + i) / blocksize) - first]!) + Math.fround(offset),
  )
}

/** weight = code · SCB of its row · 1/127, rounded after each product as the library does. */
export async function readInt8(stored: Stored, name: string): Promise<Coded> {
  const { folder, tensors } = stored
  const { shape } = tensors.get(name)!
  const [scb, layout] = [name.replace(/weight$/, 'SCB'), `${name}_format`]
  const found = tensors.get(scb)!
  const wrong = (why: string) => new UserError(`${folder}: tensor ${JSON.stringify(name)}: ${why}`)
  const [format] = tensors.has(layout) ? await stored.bytes(layout) : [0]
  if (format !== 0)
    throw wrong(
      `bitsandbytes int8 in layout ${LAYOUTS[format!] ?? format} is not read; load it with the bitsandbytes that wrote it and save it again`,
    )
  if (shape.length !== 2 || String(found.shape) !== String(shape[0]) || found.dtype !== 'F32')
    throw wrong(
      `[${shape.join(', ')}] with ${scb} ${found.dtype} [${found.shape.join(', ')}]; a matrix with one F32 for each row is wanted`,
    )
  const [table, columns] = [tableOf('I8')!, shape[1]]
  return {
    name,
    format: 'bitsandbytes int8',
    shape,
    partners: [scb, ...(tensors.has(layout) ? [layout] : [])],
    async lines(from, to) {
      const codes = await stored.bytes(name, from * columns!, to * columns!)
      const scales = await floats(stored, scb, from, to)
      const part = Math.fround(1 / 127)
      return Float32Array.from(codes, (code, i) => Math.fround(table[code]! * scales[Math.floor(i / columns!)]!) * part)
    },
  }
}
