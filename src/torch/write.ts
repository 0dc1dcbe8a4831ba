// Writes a file as torch.save does: a zip of stored records, of which one is a pickle that says what tensor each of the others is.
// Zip: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3. No zip library of npm places records at multiples of 64 bytes, as torch does.
import { type SavedTensor, writePickle } from './write-pickle.js'

const [LOCAL, ENTRY, END, END_64, LOCATOR_64] = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50]
/** The version of zip that has numbers of 64 bits, and the flag of names in UTF-8. */
const [VERSION, UTF8] = [45, 0x800]
/** Stands for a number that follows in 64 bits. */
const LONG = 0xffffffff
const ALIGNED = 64
const FOLDER = 'archive'

interface Placed {
  path: Buffer
  crc: number
  size: number
  /** Where its header begins. */
  at: number
}

/**
 * The bytes of the file, part by part.
 * @param tensors each dense, and of a dtype of `isTorchFormat`
 * @param bytesOf those of a tensor; they are asked for once, in this order
 */
export async function* torchFile(
  tensors: readonly SavedTensor[],
  bytesOf: (tensor: SavedTensor) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const placed: Placed[] = []
  let at = 0
  for await (const [name, bytes] of recordsOf(tensors, bytesOf)) {
    const record = { path: Buffer.from(`${FOLDER}/${name}`), crc: crc32(bytes), size: bytes.length, at }
    placed.push(record)
    const header = headerOf(record)
    yield header
    yield bytes
    at += header.length + bytes.length
  }
  const directory = Buffer.concat(placed.map(entryOf))
  yield directory
  yield endOf(placed.length, at, directory.length)
}

async function* recordsOf(
  tensors: readonly SavedTensor[],
  bytesOf: (tensor: SavedTensor) => Promise<Uint8Array>,
): AsyncGenerator<[name: string, bytes: Uint8Array]> {
  yield ['data.pkl', writePickle(tensors)]
  yield ['byteorder', Buffer.from('little')]
  for (const [key, tensor] of tensors.entries()) yield [`data/${key}`, await bytesOf(tensor)]
  yield ['version', Buffer.from('3\n')]
}

/** Numbers of so many bytes. */
const words = (...numbers: (readonly [bytes: number, value: number])[]): Buffer =>
  Buffer.concat(
    numbers.map(([bytes, value]) => {
      const word = Buffer.alloc(bytes)
      if (bytes === 8) word.writeBigUInt64LE(BigInt(value))
      else word.writeUIntLE(value, 0, bytes)
      return word
    }),
  )

/** Those that need it, in 64 bits. */
function longField(...numbers: readonly number[]): Buffer {
  const long = numbers.filter((value) => value >= LONG)
  return long.length
    ? words([2, 1], [2, 8 * long.length], ...long.map((value) => [8, value] as const))
    : Buffer.alloc(0)
}

const short = (value: number): number => Math.min(value, LONG)

/** What both headers of a record say: version, flags, method (stored), time, date (the first of 1980), checksum, sizes, length of the name. */
const facts = ({ path, crc, size }: Placed): Buffer =>
  words(
    [2, VERSION],
    [2, UTF8],
    [2, 0],
    [2, 0],
    [2, 0x21],
    [4, crc],
    [4, short(size)],
    [4, short(size)],
    [2, path.length],
  )

function headerOf(record: Placed): Buffer {
  // Both sizes, or none.
  const long = longField(record.size, record.size)
  const end = record.at + 30 + record.path.length + long.length + 4
  const padding = (ALIGNED - (end % ALIGNED)) % ALIGNED
  const extra = Buffer.concat([long, Buffer.from('FB'), words([2, padding]), Buffer.alloc(padding)])
  return Buffer.concat([words([4, LOCAL]), facts(record), words([2, extra.length]), record.path, extra])
}

function entryOf(record: Placed): Buffer {
  const { path, size, at } = record
  const extra = longField(size, size, at)
  const rest = words([2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, short(at)])
  return Buffer.concat([words([4, ENTRY], [2, VERSION]), facts(record), rest, path, extra])
}

function endOf(count: number, begin: number, length: number): Buffer {
  const end = words([4, END], [2, 0], [2, 0])
  const counts = words([2, Math.min(count, 0xffff)], [2, Math.min(count, 0xffff)])
  const place = words([4, short(length)], [4, short(begin)], [2, 0])
  if (count < 0xffff && begin < LONG && length < LONG) return Buffer.concat([end, counts, place])
  const long = words([4, END_64], [8, 44], [2, VERSION], [2, VERSION], [4, 0], [4, 0], [8, count], [8, count])
  const locator = words([4, LOCATOR_64], [4, 0], [8, begin + length], [4, 1])
  return Buffer.concat([long, words([8, length], [8, begin]), locator, end, counts, place])
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  return crc
})

/** CRC-32 (ISO 3309). Node has it from 20.15 on. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
