// What is finished of the tensors that a command writes: noted in the journal of the output block by block, and believed by a later
// run once it has read the bytes again and they have the same checksum.
import { amount, type BlockJournal } from '../files/index.js'
import { stripOf } from '../kernels/index.js'
import type { StreamEngine } from './engine.js'
import { inParallel } from './parallel.js'
import type { TensorJob } from './tensor.js'

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
  /** For the passes of a tensor: blocks that an earlier run finished, and notes of those that this one finishes. */
  blocksOf(name: string): Required<Pick<TensorJob<unknown>, 'isDone' | 'onBlock'>>
  /** Notes that a tensor is finished, and what the caller must know of it in a later run. */
  finish(name: string, note: string): Promise<void>
}

const blockKey = (name: string, from: number, to: number): string => `block ${from} ${to} ${name}`
const tensorKey = (name: string): string => `tensor ${name}`
const sizeOf = ({ shape }: WrittenTensor): number => shape.reduce((product, side) => product * side, 1)

interface Block {
  from: number
  to: number
}

/** Entries in these blocks, which may overlap where runs had blocks of other sizes. */
function covered(blocks: readonly Block[]): number {
  let [count, end] = [0, 0]
  for (const { from, to } of [...blocks].sort((a, b) => a.from - b.from)) {
    count += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return count
}

/** The checksum of entries from … to − 1, from the file. */
async function sumBlock(engine: StreamEngine, tensor: WrittenTensor, from: number, to: number): Promise<string> {
  const width = tensor.bytes / (sizeOf(tensor) || 1)
  const lane = await engine.lease()
  try {
    return await lane.check({
      file: tensor.file,
      begin: tensor.begin + from * width,
      bytes: (to - from) * width,
      strip: Math.ceil(stripOf(Math.max(1, tensor.shape.at(-1) ?? 1)) * width),
    })
  } finally {
    lane.release()
  }
}

/**
 * Reads what an earlier run finished of these tensors.
 * @param say is told how much that is, if anything
 */
export async function openProgress(
  engine: StreamEngine,
  journal: BlockJournal,
  tensors: readonly WrittenTensor[],
  say: (text: string) => void,
): Promise<TensorProgress> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  /** Blocks that are finished, per tensor. */
  const finished = new Map(tensors.map(({ name }) => [name, [] as Block[]]))
  const done = new Set<string>()
  let damaged = 0
  await inParallel(engine.jobs, [...journal.done], async ([key, checksum]) => {
    const [, from, to, name] = /^block (\d+) (\d+) (.*)$/s.exec(key) ?? []
    const tensor = byName.get(name!)
    if (!tensor) return
    // A block that cannot be read is not done.
    if ((await sumBlock(engine, tensor, Number(from), Number(to)).catch(() => null)) !== checksum) return void damaged++
    done.add(key)
    finished.get(name!)!.push({ from: Number(from), to: Number(to) })
  })
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
    }),
    async finish(name, note) {
      if (!journal.isKept) return
      const tensor = byName.get(name)!
      const size = sizeOf(tensor)
      // Written by another way than passes: as one block.
      if (size && !isWhole(name)) add(name, 0, size, await sumBlock(engine, tensor, 0, size))
      journal.add(tensorKey(name), note)
    },
  }
}
