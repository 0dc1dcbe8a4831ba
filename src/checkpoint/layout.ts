// Plans the layout of a checkpoint from names and shapes alone: which tensor goes to which file at which
// byte, so that every tensor is written once, straight to its place.

import { countEntries } from '../kernels/index.js'
import { INDEX, SINGLE } from './checkpoint.js'
import { BITS } from './dtype.js'

/** A tensor to be written. */
export interface PlannedTensor {
  name: string
  dtype: string
  shape: readonly number[]
}

export interface PlannedShard {
  file: string
  /** Length prefix and JSON header. */
  head: Uint8Array
  size: number
  /** First byte and the byte after the last in the file, by tensor name. */
  spans: Map<string, { begin: number; end: number }>
}

export interface Layout {
  files: PlannedShard[]
  /** Content of the index file; null for a single file. */
  index: { name: string; content: object } | null
  bytes: number
}

/** Bytes of one tensor. */
export function tensorBytes({ dtype, shape }: { dtype: string; shape: readonly number[] }): number {
  return (countEntries(shape) * BITS[dtype]!) / 8
}

/** Fills files in the given order; a file is closed before it would exceed `maxShardBytes` of data (a larger tensor has its own). */
export function planLayout(
  tensors: readonly PlannedTensor[],
  maxShardBytes: number,
  metadata: Record<string, string>,
): Layout {
  const shards: PlannedTensor[][] = [[]]
  let filled = 0
  let total = 0
  for (const tensor of tensors) {
    const size = tensorBytes(tensor)
    if (shards.at(-1)!.length && filled + size > maxShardBytes) {
      shards.push([])
      filled = 0
    }
    shards.at(-1)!.push(tensor)
    filled += size
    total += size
  }
  const number = (n: number): string => String(n).padStart(5, '0')
  const nameOf = (i: number): string =>
    shards.length === 1 ? SINGLE : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`
  const files = shards.map((shard, i) => planFile(nameOf(i), shard, metadata))
  if (files.length === 1) return { files, index: null, bytes: files[0]!.size }

  const places = files.flatMap(({ file, spans }) => [...spans.keys()].map((name) => [name, file] as const))
  const content = {
    metadata: { total_size: total },
    weight_map: Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  return { files, index: { name: INDEX, content }, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

function planFile(file: string, tensors: PlannedTensor[], metadata: Record<string, string>): PlannedShard {
  // Wide formats first, so that every tensor starts aligned to its own element, as the reference writer does.
  const ordered = [...tensors].sort((a, b) => BITS[b.dtype]! - BITS[a.dtype]!)
  let at = 0
  const offsets = ordered.map((tensor) => [at, (at += tensorBytes(tensor))])
  const header = Object.fromEntries([
    ['__metadata__', metadata] as const,
    ...ordered.map(({ name, dtype, shape }, i) => [name, { dtype, shape, data_offsets: offsets[i] }] as const),
  ])
  const json = Buffer.from(JSON.stringify(header))
  const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  head.writeBigUInt64LE(BigInt(head.length - 8))
  json.copy(head, 8)
  const spans = new Map(
    ordered.map(({ name }, i) => [name, { begin: head.length + offsets[i]![0]!, end: head.length + offsets[i]![1]! }]),
  )
  return { file, head, size: head.length + at, spans }
}
