// What the names, calls and persistent ids in a pickle of torch mean: tensors are views of storages (the functions _rebuild_tensor of torch).
import { printable, UserError } from '../errors/index.js'
import { Foreign } from './foreign.js'
import { type Global, isGlobal, type Meaning, type Pickled } from './pickle.js'

/** Storages and dtypes of torch → the word of safetensors, and bytes of one entry. */
const DTYPES: Readonly<Record<string, readonly [word: string, width: number]>> = {
  'torch.FloatStorage': ['F32', 4],
  'torch.DoubleStorage': ['F64', 8],
  'torch.HalfStorage': ['F16', 2],
  'torch.BFloat16Storage': ['BF16', 2],
  'torch.LongStorage': ['I64', 8],
  'torch.IntStorage': ['I32', 4],
  'torch.ShortStorage': ['I16', 2],
  'torch.CharStorage': ['I8', 1],
  'torch.ByteStorage': ['U8', 1],
  'torch.BoolStorage': ['BOOL', 1],
  'torch.ComplexFloatStorage': ['C64', 8],
  'torch.complex64': ['C64', 8],
  'torch.float8_e4m3fn': ['F8_E4M3', 1],
  'torch.float8_e5m2': ['F8_E5M2', 1],
  'torch.float8_e8m0fnu': ['F8_E8M0', 1],
  'torch.float8_e4m3fnuz': ['F8_E4M3FNUZ', 1],
  'torch.float8_e5m2fnuz': ['F8_E5M2FNUZ', 1],
  'torch.uint16': ['U16', 2],
  'torch.uint32': ['U32', 4],
  'torch.uint64': ['U64', 8],
  'torch.float32': ['F32', 4],
  'torch.float64': ['F64', 8],
  'torch.float16': ['F16', 2],
  'torch.bfloat16': ['BF16', 2],
  'torch.int64': ['I64', 8],
  'torch.int32': ['I32', 4],
  'torch.int16': ['I16', 2],
  'torch.int8': ['I8', 1],
  'torch.uint8': ['U8', 1],
  'torch.bool': ['BOOL', 1],
}

/** The storage of a dtype of safetensors, without its module. */
export const storageOf = (dtype: string): string | undefined =>
  Object.entries(DTYPES)
    .find(([name, [word]]) => word === dtype && name.endsWith('Storage'))?.[0]
    .slice('torch.'.length)

/** Whether tensors of a dtype of safetensors can be saved. */
export const isTorchFormat = (dtype: string): boolean => storageOf(dtype) !== undefined

/** Bytes of one number in storages whose tensors are not read. */
const OTHER_WIDTHS: Readonly<Record<string, number>> = {
  'torch.ComplexDoubleStorage': 16,
  'torch.QInt8Storage': 1,
  'torch.QUInt8Storage': 1,
  'torch.QInt32Storage': 4,
}

/** Functions that make a tensor which is not read: the word for it. */
const ODD: Readonly<Record<string, string>> = {
  'torch._utils._rebuild_qtensor': 'a quantised torch tensor',
  'torch._utils._rebuild_sparse_tensor': 'a sparse tensor',
  'torch._utils._rebuild_meta_tensor_no_storage': 'a tensor without data (of the device "meta")',
  'torch._utils._rebuild_nested_tensor': 'a nested tensor',
}

/** Functions that make plain values of trainers, such as arguments, paths and states of generators. They are passed over. */
const PLAIN =
  /^(numpy|argparse|collections|pathlib|datetime|decimal|uuid|copyreg|copy_reg|omegaconf)\.|^(builtins|__builtin__)\.(set|frozenset|slice|complex|bytearray|bytes|range|object)$|^torch\.(device|Size|Generator|serialization\._get_layout)$|^_codecs\.encode$|^_io\.BytesIO$/

/** The numbers that tensors are views of. */
export class TorchStorage {
  /** Its first byte in the file. */
  begin = 0

  constructor(
    readonly type: string,
    readonly count: number,
  ) {}

  get width(): number {
    return DTYPES[this.type]?.[1] ?? OTHER_WIDTHS[this.type] ?? 1
  }

  get bytes(): number {
    return this.count * this.width
  }
}

/** A part of a storage: what tensors of the oldest files are views of. */
interface Part {
  storage: TorchStorage
  from: number
  count: number
}

interface ViewParts {
  storage: TorchStorage
  dtype: readonly [word: string, width: number]
  /** Its first entry in the storage. */
  offset: number
  shape: number[]
  stride: number[]
  negative: boolean
}

/** A tensor: entries of a storage. */
export class TorchView {
  constructor(readonly parts: ViewParts) {}
}

/** Finds the storage of a key. */
export type FindStorage = (type: string, key: string, count: number) => TorchStorage

/** @param load finds the storage of a key, with its type and its number of entries */
export function meaningOf(file: string, load: FindStorage): Meaning {
  const refuse = (what: string): never => {
    throw new UserError(`${file}: ${what}`)
  }
  return {
    call(name, words) {
      if (name === 'collections.OrderedDict') return new Map(words.length ? pairsOf(words[0]!) : [])
      if (name === 'collections.defaultdict') return new Map()
      if (name === 'torch.Size') return [...(Array.isArray(words[0]) ? words[0] : [])]
      if (PARAMETER.test(name)) return words[0] ?? null
      if (TENSOR.test(name)) return { made: viewOf(file, name, words) }
      if (/^torch\._tensor\._rebuild_from_type(_v2)?$/.test(name)) return derivedOf(file, words)
      if (Object.hasOwn(ODD, name)) return { made: new Foreign(name, ODD[name]) }
      const [first] = words
      const type = first && isGlobal(first) ? first.global : name
      if (type === 'numpy.ndarray') return { made: new Foreign(type, 'an array of NumPy') }
      if (name.startsWith('torch._utils._rebuild_')) return { made: new Foreign(name, `a tensor of ${name}`) }
      if (PLAIN.test(name)) return { made: new Foreign(type) }
      return refuse(
        `its pickle calls ${printable(name)}, which no weights need; if you trust the file, load it with torch and save its state dict alone`,
      )
    },
    load(id) {
      if (!Array.isArray(id) || id[0] !== 'storage' || !isGlobal(id[1]!) || typeof id[2] !== 'string')
        return refuse('its pickle names a storage in a way that is not known')
      const [, type, key, , count, view] = id
      if (!isCount(count)) return refuse(`storage ${printable(key)} has no count`)
      const storage = load((type as Global).global, key, count)
      // Before torch 0.4 a storage could be a part of another: key, first entry, and number of entries of the part.
      const [, from, own] = Array.isArray(view) ? view : [key, 0, count]
      if (!isCount(from) || !isCount(own) || from + own > storage.count)
        return refuse(`a part of storage ${printable(key)} lies outside of it`)
      return { made: { storage, from, count: own } satisfies Part }
    },
  }
}

const pairsOf = (list: Pickled): [Pickled, Pickled][] =>
  Array.isArray(list)
    ? list.map((each) => (Array.isArray(each) ? [each[0] ?? null, each[1] ?? null] : [each, null]))
    : []

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount)

const PARAMETER = /^torch\._utils\._rebuild_parameter(_with_state)?$/
const TENSOR = /^torch\._utils\._rebuild_tensor_v[23]$/

/** A tensor of a class derived from torch's, or with attributes: torch._tensor._rebuild_from_type_v2(function, class, words, state). */
function derivedOf(file: string, [made, type, words]: readonly Pickled[]): Pickled {
  const [name, own] = [made, type].map((each) => (each && isGlobal(each) ? each.global : ''))
  if (!Array.isArray(words)) throw new UserError(`${file}: its pickle describes a tensor in a way that is not known`)
  if (TENSOR.test(name!)) return { made: viewOf(file, name!, words) }
  if (PARAMETER.test(name!)) return words[0] ?? null
  return { made: new Foreign(own!, `a tensor of the class ${printable(own!)}`) }
}

const isPart = (made: unknown): made is Part => typeof made === 'object' && made !== null && 'storage' in made

/** torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]); of v3 the dtype is the seventh. */
function viewOf(file: string, name: string, words: readonly Pickled[]): TorchView | Foreign {
  const [place, offset, shape, stride, , , seventh, eighth] = words
  const made = place && typeof place === 'object' && 'made' in place ? place.made : null
  const isKnown = isPart(made) && isCount(offset) && isCounts(shape) && isCounts(stride)
  if (!isKnown || shape.length !== stride.length)
    throw new UserError(`${file}: its pickle describes a tensor in a way that is not known`)
  const { storage, from, count } = made
  const isLater = name.endsWith('_v3')
  const type = isLater && seventh && isGlobal(seventh) ? seventh.global : storage.type
  if (!Object.hasOwn(DTYPES, type)) return new Foreign(name, `a tensor of ${printable(type)}`)
  const dtype = DTYPES[type]!
  const metadata = isLater ? eighth : seventh
  const flags = metadata instanceof Map ? metadata : new Map()
  if (flags.get('conj')) return new Foreign(name, 'a conjugated tensor of complex numbers')
  const negative = flags.get('neg') === true
  if (negative && !dtype[0].startsWith('F') && dtype[0] !== 'BF16')
    return new Foreign(name, `a negated tensor of ${dtype[0]}`)
  const last = shape.reduce((sum, side, axis) => sum + (side - 1) * stride[axis]!, offset)
  if (!shape.includes(0) && (last + 1) * dtype[1] > count * storage.width)
    throw new UserError(`${file}: a tensor of shape [${shape.join(', ')}] ends after its storage of ${count} numbers`)
  return new TorchView({ storage, dtype, offset: from + offset, shape, stride, negative })
}
