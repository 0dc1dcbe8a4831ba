// What is finished of the tensors that a command writes: noted in the journal of the output block by block, and believed by a later
// run once it has read the bytes again and they have the same checksum.
import { amount } from '../errors/index.js'
import { type BlockJournal, pieceName } from '../files/index.js'
import { columnsOf, countEntries, type FileBytes, type Interval, stripOf } from '../kernels/index.js'
import type { StreamEngine } from './engine.js'
import { checkEarlier } from './inputs.js'
import type { Lane } from './lanes.js'
import { inParallel } from './parallel.js'
import { splitBlocks, type TensorJob } from './tensor.js'

/** A tensor in the output. */
export interface WrittenTensor {
  name: string
  shape: readonly number[]
  file: string
  /** First byte of it in the file, and the number of its bytes. */
  begin: number
  bytes: number
}

export interface TensorProgress {
  /** What an earlier run noted of a tensor when it was finished; undefined where there is work left. */
  noteOf(name: string): string | undefined
  /** For the passes of a tensor: what is finished and noted, and notes of what they finish and read. */
  blocksOf(name: string): Required<Pick<TensorJob<unknown>, 'isDone' | 'onBlock' | 'isRead' | 'onRead'>>
  /** Copies a tensor as it is stored, but for blocks that an earlier run finished. `wrote` is told of each block. */
  copy(name: string, from: { file: string; begin: number }, wrote: (from: number, to: number) => void): Promise<void>
  /** Notes that a tensor is finished, and what the caller must know of it in a later run. */
  finish(name: string, note: string): Promise<void>
}

const blockKey = (name: string, from: number, to: number): string => `block ${from} ${to} ${name}`
const tensorKey = (name: string): string => `tensor ${name}`
const sizeOf = ({ shape }: WrittenTensor): number => countEntries(shape)

/** Entries in these blocks, which may overlap where runs had blocks of other sizes. */
function covered(blocks: readonly Interval[]): number {
  let [count, end] = [0, 0]
  for (const { from, to } of [...blocks].sort((a, b) => a.from - b.from)) {
    count += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return count
}

/** Bytes of one entry. */
const widthOf = (tensor: WrittenTensor): number => tensor.bytes / (sizeOf(tensor) || 1)

/** Where entries from … to − 1 are. */
function bytesOf(tensor: WrittenTensor, { from, to }: Interval): FileBytes {
  const { file, begin } = tensor
  const width = widthOf(tensor)
  return { file, begin: begin + from * width, bytes: (to - from) * width }
}

async function withLane<T>(engine: StreamEngine, work: (lane: Lane) => Promise<T>): Promise<T> {
  const lane = await engine.lease()
  try {
    return await work(lane)
  } finally {
    lane.release()
  }
}

/** Finds the blocks of the journal whose bytes are in the file. */
async function readFinished(
  engine: StreamEngine,
  journal: BlockJournal,
  byName: ReadonlyMap<string, WrittenTensor>,
): Promise<{ finished: Map<string, Interval[]>; done: Set<string>; damaged: number }> {
  const finished = new Map([...byName.keys()].map((name) => [name, [] as Interval[]]))
  const done = new Set<string>()
  let damaged = 0
  await inParallel(engine.jobs, [...journal.done], async ([key, checksum]) => {
    const [, from, to, name] = /^block (\d+) (\d+) (.*)$/s.exec(key) ?? []
    const tensor = byName.get(name!)
    if (!tensor) return
    // A block that cannot be read is not done.
    const block = { from: Number(from), to: Number(to) }
    const found = withLane(engine, (lane) => lane.check(bytesOf(tensor, block)))
    if ((await found.catch(() => null)) !== checksum) return void damaged++
    done.add(key)
    finished.get(name!)!.push(block)
  })
  return { finished, done, damaged }
}

/**
 * Reads what an earlier run finished of these tensors, and what it read for that.
 * @param say is told how much that is, if anything
 * @throws ChangedInput where it read other bytes
 */
export async function openProgress(
  engine: StreamEngine,
  journal: BlockJournal,
  tensors: readonly WrittenTensor[],
  say: (text: string) => void,
): Promise<TensorProgress> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  await checkEarlier(engine, journal)
  const { finished, done, damaged } = await readFinished(engine, journal, byName)
  const total = amount(tensors.reduce((sum, tensor) => sum + tensor.bytes, 0))
  const bytes = tensors.reduce(
    (sum, tensor) => sum + (covered(finished.get(tensor.name)!) * tensor.bytes) / (sizeOf(tensor) || 1),
    0,
  )
  if (bytes || damaged)
    say(`goes on: ${amount(bytes)} of ${total} are done${damaged ? `, ${damaged} damaged blocks are done again` : ''}`)
  const add = (name: string, from: number, to: number, checksum: string): void => {
    journal.add(blockKey(name, from, to), checksum)
    finished.get(name)!.push({ from, to })
  }
  const isWhole = (name: string): boolean => covered(finished.get(name)!) === sizeOf(byName.get(name)!)
  return {
    noteOf: (name) => (isWhole(name) ? journal.done.get(tensorKey(name)) : undefined),
    blocksOf: (name) => ({
      isDone: (from, to) => done.has(blockKey(name, from, to)),
      onBlock: (from, to, checksum) => add(name, from, to, checksum),
      isRead: (piece) => journal.inputs.has(pieceName(piece)),
      onRead: (piece, checksum) => journal.input(piece, checksum),
    }),
    async copy(name, from, wrote) {
      const tensor = byName.get(name)!
      const blocks = splitBlocks(sizeOf(tensor), stripOf(columnsOf(tensor.shape)), engine.block)
      await inParallel(blocks.length, blocks, async (block) => {
        if (!done.has(blockKey(name, block.from, block.to))) {
          const begin = from.begin + block.from * widthOf(tensor)
          const to = bytesOf(tensor, block)
          const { read, written } = await withLane(engine, (lane) => lane.copy({ from: { ...from, begin }, to }))
          journal.input({ ...from, begin, bytes: to.bytes }, read)
          add(name, block.from, block.to, written)
        }
        wrote(block.from, block.to)
      })
    },
    async finish(name, note) {
      if (!journal.isKept) return
      const tensor = byName.get(name)!
      const size = sizeOf(tensor)
      // Written by another way than passes: as one block.
      if (size && !isWhole(name)) {
        const written = bytesOf(tensor, { from: 0, to: size })
        add(name, 0, size, await withLane(engine, (lane) => lane.check(written)))
      }
      journal.add(tensorKey(name), note)
    },
  }
}
