// Delta files: changed anywhere, and with a changed description that their checksums agree with. What is read must be the model again.
import { createHash } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import { compress } from '../src/api/index.js'
import { applyDelta, compressModel, openBase, openDelta, planDelta } from '../src/delta/index.js'
import { allCodecs, writeCodecPair } from '../test/compress/pairs.js'
import { writePair } from '../test/delta/pairs.js'
import type { Kind, Sample } from './kind.js'

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** SHA-256 of the files that are not hidden, by path. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  )
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), hashOf(readFileSync(path))]))
}

interface Pair {
  base: string
  delta: string
  out: string
  wanted: string
}

async function writeDeltaOf(folder: string): Promise<Pair> {
  const { base, post } = writePair(folder)
  const delta = join(folder, 'model.delta')
  const opened = await openBase(base)
  await compressModel({ plan: await planDelta(opened, post), base: opened, post }, delta, { name: 'base' })
  await opened.close()
  return { base, delta, out: join(folder, 'out'), wanted: JSON.stringify(contents(post)) }
}

/** Tensors by all codecs that lose something: what comes out is what came out of the file as it was written. */
async function writeLossyDelta(folder: string): Promise<Pair> {
  const { base, post } = writeCodecPair(folder)
  const [delta, out] = [join(folder, 'model.delta'), join(folder, 'out')]
  await compress(base, post, { out: delta, codec: allCodecs() })
  const opened = await openBase(base)
  await applyDelta(await openDelta(delta), opened, out)
  await opened.close()
  return { base, delta, out, wanted: JSON.stringify(contents(out)) }
}

/** Scalars of directions that are drawn again. */
async function writeSeededDelta(folder: string): Promise<Pair> {
  const [base, delta, out] = ['checkpoints/small/base', join(folder, 'model.delta'), join(folder, 'out')]
  copyFileSync('test/fixtures/delta/seeds.delta', delta)
  const opened = await openBase(base)
  await applyDelta(await openDelta(delta), opened, out)
  await opened.close()
  return { base, delta, out, wanted: JSON.stringify(contents(out)) }
}

/** @param sameNames whether the files must have the names that they had */
async function applyIn({ base, delta, out, wanted }: Pair, sameNames: boolean): Promise<unknown> {
  rmSync(out, { recursive: true, force: true })
  const opened = await openBase(base)
  try {
    await applyDelta(await openDelta(delta), opened, out)
    const found = contents(out)
    const key = (all: object) => JSON.stringify(sameNames ? all : Object.values(all).sort())
    if (sameNames ? key(found) !== wanted : !Object.values(found).every((hash) => wanted.includes(hash)))
      throw new Error(`other files came out: ${JSON.stringify(found)}`)
    return Object.keys(found).length
  } finally {
    await opened.close()
  }
}

interface Header {
  __metadata__: Record<string, string>
  [entry: string]: { data_offsets: [number, number]; shape?: number[] } | Record<string, string>
}

/** The file with another description, and the checksum and offsets that belong to it. */
export function withDescription(bytes: Buffer, text: Uint8Array): Buffer {
  const size = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, size).toString()) as Header
  const offsets = (entry: string) => (header[entry] as { data_offsets: [number, number] }).data_offsets
  const deflated = deflateSync(text)
  const [begin] = offsets('description')
  const index = bytes.subarray(size + offsets('pieces')[0], size + offsets('pieces')[1])
  header.description = {
    ...header.description,
    shape: [deflated.length],
    data_offsets: [begin, begin + deflated.length],
  }
  header.__metadata__.sha256 = createHash('sha256').update(deflated).update(index).digest('hex')
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, bytes.subarray(size, size + begin), deflated])
}

function descriptionOf(bytes: Buffer): Buffer {
  const size = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, size).toString()) as Header
  const [begin, end] = (header.description as { data_offsets: [number, number] }).data_offsets
  return inflateSync(bytes.subarray(size + begin, size + end))
}

type Write = (folder: string) => Promise<Pair>

const whole =
  (form: 'safetensors' | 'bytes', write: Write): Kind['open'] =>
  async (folder): Promise<Sample[]> => {
    const pair = await write(folder)
    // Names of entries of no unit may change in a header that is otherwise sound.
    return [{ file: pair.delta, read: () => applyIn(pair, form === 'bytes'), command: ['deltas', pair.delta] }]
  }

const description =
  (write: Write): Kind['open'] =>
  async (folder): Promise<Sample[]> => {
    const pair = await write(folder)
    const original = readFileSync(pair.delta)
    const file = join(folder, 'description.json')
    writeFileSync(file, descriptionOf(original))
    const read = () => {
      writeFileSync(pair.delta, withDescription(original, readFileSync(file)))
      return applyIn(pair, false)
    }
    return [{ file, read }]
  }

export const DELTAS: Kind[] = [
  { name: 'delta file', form: 'bytes', open: whole('bytes', writeDeltaOf) },
  { name: 'header of a delta file', form: 'safetensors', open: whole('safetensors', writeDeltaOf) },
  { name: 'description of a delta file', form: 'json', open: description(writeDeltaOf) },
  { name: 'delta file with losses', form: 'bytes', open: whole('bytes', writeLossyDelta) },
  { name: 'description of a delta file with seeds', form: 'json', open: description(writeSeededDelta) },
  { name: 'description of a delta file with losses', form: 'json', open: description(writeLossyDelta) },
]
