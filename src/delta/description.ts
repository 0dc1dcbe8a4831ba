// What a delta file says of itself: its units, the files that they make, and where the pieces of a unit are cut. docs/delta-format.md
// describes it.
import { z } from 'zod'
import { tensorBytes } from '../checkpoint/index.js'
import {
  type CodedTensor,
  codecOptions,
  countPlaces,
  type LossyCodec,
  lossyCodecs,
  placesOf,
  unfitFor,
} from '../codecs/index.js'
import { UserError } from '../errors/index.js'
import {
  baseBytes,
  countEntries,
  isComparable,
  type LossyForm,
  type LossyPlace,
  pieceBytes,
  VALUE_BYTES,
} from '../kernels/index.js'
import { checkValue, isObject, parseJson } from '../schema/index.js'

/** Version of the format. */
export const VERSION = '4'

/** How a unit is stored exactly: as records, short or quick ones, as its bytes, or not at all, because it is the base's. */
const EXACT = ['lossless', 'packed', 'raw', 'unchanged'] as const
const CODECS: readonly string[] = [...EXACT, ...lossyCodecs.map(({ name }) => name)]

const size = z.int().nonnegative()
const shape = z.array(size)

/** Bytes of the base: a tensor, or a whole file. */
const baseSchema = z.strictObject({
  name: z.string(),
  bytes: size,
  dtype: z.string().optional(),
  shape: shape.optional(),
})

/** Bytes that files are made of: a tensor, or others, which have no name. */
const unitSchema = z.strictObject({
  codec: z.string(),
  bytes: z.int().positive(),
  name: z.string().optional(),
  dtype: z.string().optional(),
  shape: shape.optional(),
  base: baseSchema.optional(),
  /** The entry of the file that holds its records, one behind the other. */
  data: z.string().optional(),
  /** Of a codec with loss: its options. */
  options: z.record(z.string(), z.unknown()).optional(),
  /** Matrices that lie one after the other, where it is a batch of them. */
  matrices: z.int().positive().optional(),
  /** Norm of what is written less the tensor, by that of the tensor less the base; for people. */
  error: z.number().nonnegative().optional(),
  /** How the delta was edited before it was stored; for people. */
  edit: z.array(z.record(z.string(), z.unknown())).optional(),
})

const digest = z.string().regex(/^[0-9a-f]{64}$/)

const fileSchema = z.strictObject({
  path: z.string(),
  bytes: size,
  /** None of a file that does not come back as it was, and of one that is stored fast. */
  sha256: digest.optional(),
  /** Of such files: the SHA-256 of the checksums of their pieces. */
  sums: digest.optional(),
  /** Numbers of units. */
  units: z.array(size),
})

const descriptionSchema = z.strictObject({
  /** How the base was called. */
  base: z.string(),
  /** How the codecs were chosen: budget, damage, losses; for people. */
  choice: z.record(z.string(), z.unknown()).optional(),
  units: z.array(unitSchema),
  files: z.array(fileSchema),
})

export type DeltaBase = z.infer<typeof baseSchema>
export type DeltaUnit = z.infer<typeof unitSchema>
export type DeltaDescription = z.infer<typeof descriptionSchema>

/** A part of a unit that is stored by itself. */
export interface UnitPiece {
  /** From its first byte in the unit. */
  from: number
  bytes: number
  /** The bytes of the base that belong to it; null where the base has none. */
  base: { from: number; bytes: number } | null
  /** Of a codec with loss. */
  lossy: { form: LossyForm; place: LossyPlace } | null
}

/** Of a unit that is stored with loss: the codec, its options, and what it knows of the tensor. */
export interface LossyUnit {
  codec: LossyCodec
  options: Record<string, unknown>
  tensor: CodedTensor
}

const tensorOf = ({ shape = [], dtype = '', matrices = 1 }: DeltaUnit): CodedTensor => ({ shape, dtype, matrices })

/** Null for one that is stored exactly. */
export function lossyOf(unit: DeltaUnit): LossyUnit | null {
  const codec = lossyCodecs.find(({ name }) => name === unit.codec)
  return codec ? { codec, options: unit.options ?? {}, tensor: tensorOf(unit) } : null
}

/** Whether a file comes back as it was. @param units of the delta */
export const isExactFile = (file: { units: readonly number[] }, units: readonly DeltaUnit[]): boolean =>
  !file.units.some((i) => lossyOf(units[i]!))

/** Bytes of a piece, and how many of the unit have a base. */
function lengthsOf({ bytes, dtype, base }: DeltaUnit): { step: number; covered: number } {
  const step = pieceBytes(dtype ?? 'U8')
  if (!base) return { step, covered: 0 }
  const whole = dtype === undefined ? base.bytes : baseBytes(base.bytes, dtype, base.dtype ?? dtype)
  return { step, covered: Math.min(bytes, whole) }
}

/** The number of pieces. */
export function countPieces(unit: DeltaUnit): number {
  const lossy = lossyOf(unit)
  if (lossy) return countPlaces(lossy.codec, lossy.tensor)
  const { step, covered } = lengthsOf(unit)
  return Math.ceil(covered / step) + Math.ceil((unit.bytes - covered) / step)
}

/** Pieces as long as they may be; where the base ends, one ends. */
export function* piecesOf(unit: DeltaUnit): Generator<UnitPiece> {
  const lossy = lossyOf(unit)
  if (lossy) return yield* lossyPieces(unit, lossy)
  const { step, covered } = lengthsOf(unit)
  const inBase = (bytes: number): number =>
    unit.dtype === undefined ? bytes : baseBytes(bytes, unit.base?.dtype ?? unit.dtype, unit.dtype)
  for (let from = 0; from < unit.bytes; ) {
    const end = from < covered ? covered : unit.bytes
    const bytes = Math.min(step, end - from)
    yield { from, bytes, base: from < covered ? { from: inBase(from), bytes: inBase(bytes) } : null, lossy: null }
    from += bytes
  }
}

function* lossyPieces({ base }: DeltaUnit, { codec, options, tensor }: LossyUnit): Generator<UnitPiece> {
  const form = codec.form(options, tensor)
  const inBase = (entries: number): number => entries * VALUE_BYTES[base!.dtype as 'F32']
  for (const place of placesOf(codec, tensor)) {
    const width = VALUE_BYTES[place.dtype]
    yield {
      from: place.from * width,
      bytes: place.size * width,
      base: { from: inBase(place.from), bytes: inBase(place.size) },
      lossy: { form, place },
    }
  }
}

/** Of each unit, the one whose first record has the head of its records: itself, or of shared scalars one before. Null where none has. */
export function headUnits(units: readonly DeltaUnit[]): (number | null)[] {
  let own: number | null = null
  return units.map(({ codec, options = {} }, i) => {
    if (codec !== 'seeds') return i
    if (!options.shared) own = i
    return own !== null && units[own]!.options!.scalars === options.scalars ? own : null
  })
}

/** What a unit is called in messages. */
export const unitName = (unit: DeltaUnit, file: string): string =>
  unit.name === undefined ? `the bytes of ${file}` : `tensor ${JSON.stringify(unit.name)}`

/** @param pieces of the index @throws UserError for what no delta file says, or only one of a later version */
export function parseDescription(file: string, text: string, pieces: number): DeltaDescription {
  const where = `${file}: its description`
  const found = parseJson(text, where)
  // Before each of them is looked at: a unit has at least one piece.
  if (isObject(found) && Array.isArray(found.units) && found.units.length > pieces)
    throw new UserError(`${file}: is damaged: its index has ${pieces} pieces, and its description more units`)
  const description = checkValue(descriptionSchema, found, where)
  const { units, files } = description
  for (const [i, unit] of units.entries()) checkUnit(file, unit, i)
  const alone = headUnits(units).indexOf(null)
  if (alone >= 0) throw new UserError(`${file}: ${unitName(units[alone]!, '')}: its scalars are missing`)
  const used = new Set<number>()
  const taken = { paths: new Set<string>(), folders: new Set<string>() }
  for (const each of files) {
    checkPath(file, each.path, taken)
    const bytes = each.units.reduce((sum, unit) => sum + (used.add(unit), units[unit]?.bytes ?? NaN), 0)
    if (bytes !== each.bytes)
      throw new UserError(`${file}: its description gives ${each.path} ${each.bytes} bytes, and other units`)
  }
  if (used.size !== units.length) throw new UserError(`${file}: its description has units that belong to no file`)
  return description
}

function checkUnit(file: string, unit: DeltaUnit, i: number): void {
  const { codec, bytes, name, dtype, shape = [], base, data } = unit
  const where = `${file}: ${name === undefined ? `unit ${i}` : unitName(unit, '')}`
  if (!CODECS.includes(codec))
    throw new UserError(
      `${where} is stored by the codec ${JSON.stringify(codec)}, which this version does not know (it knows: ${CODECS.join(', ')})`,
    )
  const isWhole =
    (codec !== 'unchanged') === (data !== undefined) &&
    (codec !== 'raw' || base === undefined) &&
    (codec !== 'unchanged' || (base !== undefined && lengthsOf(unit).covered === unit.bytes)) &&
    (name === undefined) === (dtype === undefined) &&
    (base === undefined || (base.dtype === undefined) === (dtype === undefined)) &&
    (dtype === undefined || !base || isComparable(base.dtype!, dtype)) &&
    (dtype !== undefined || !base || !isOddPath(base.name))
  // Entries are whole, and so are those of the base.
  const entries =
    dtype === undefined ? [] : [bytes, lengthsOf(unit).covered].map((each) => baseBytes(each, 'U8', dtype))
  if (!isWhole || entries.some((each) => !Number.isInteger(each)))
    throw new UserError(`${where}: its description contradicts itself`)
  if (dtype !== undefined && tensorBytes({ dtype, shape }) !== bytes)
    throw new UserError(
      `${where}: its description gives it ${bytes} bytes, which are not those of ${dtype} [${shape.join(', ')}]`,
    )
  const lossy = lossyOf(unit)
  if (lossy) checkLossy(where, unit, lossy)
}

/** A unit that is stored with loss: its options are those of the codec, they fit the tensor, and the base has all of it. */
function checkLossy(where: string, { base }: DeltaUnit, { codec, options, tensor }: LossyUnit): void {
  try {
    codecOptions(codec, options)
  } catch (error) {
    throw new UserError(`${where}: ${(error as Error).message}`)
  }
  const isWhole = base?.bytes === countEntries(tensor.shape) * VALUE_BYTES[base?.dtype as 'F32']
  const why = unfitFor(codec, options, tensor) ?? (isWhole ? null : 'its description contradicts itself')
  if (why !== null) throw new UserError(`${where}: ${why}`)
}

/** Whether a path leads out of its folder, or has hidden files, control characters, or what systems take for another folder or file. */
export const isOddPath = (path: string): boolean => path.split('/').some((part) => /^\.|^$|[\\:\p{Cc}]/u.test(part))

/** Only files within the folder, each once, none within another. */
function checkPath(file: string, path: string, { paths, folders }: Record<'paths' | 'folders', Set<string>>): void {
  const parts = path.split('/')
  const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
  if (isOddPath(path) || paths.has(path) || folders.has(path) || above.some((folder) => paths.has(folder)))
    throw new UserError(`${file}: its description names the file ${JSON.stringify(path)}, which may not be written`)
  paths.add(path)
  for (const folder of above) folders.add(folder)
}
