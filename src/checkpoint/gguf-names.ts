// What a tensor of a GGUF file is called in transformers, and what llama.cpp's converter did to it.
import type { RowOrder } from './gguf-rows.js'

/** Heads of attention: those of queries, and those of keys. */
export interface Heads {
  queries: number
  keys: number
  /** Entries of a head that turn, where they turn by several axes of positions; null for one axis. */
  turning: number | null
}

/** How stored tensors become that of transformers. */
export type GgufChange =
  | { change: 'rows'; order(heads: Heads): RowOrder | null }
  /** Stored plus 1. */
  | { change: 'less one' }
  /** Columns are stored as rows; where there are two stored tensors, their columns alternate. */
  | { change: 'transposed'; of: 1 | 2 }
  /** Entries of two stored tensors alternate. */
  | { change: 'alternating'; of: 2 }
  /** In each matrix of a batch, rows of one stored tensor come before those of the other. */
  | { change: 'stacked'; of: 2 }
  /** The same, where the first is stored transposed, and the batch is one matrix. */
  | { change: 'joined'; of: 2 }
  /** The middle axis of a kernel, which is 1, is not stored. */
  | { change: 'kernel' }

export interface GgufArchitecture {
  /**
   * By what stands before the number of a layer in the file: what does in transformers, and the names within a layer, without
   * `.weight` and `.bias` or with them. A `*` stands for the expert whose matrices lie one after the other.
   */
  stacks: Readonly<Record<string, Stack>>
  /** Outside of layers. */
  other: Readonly<Record<string, string>>
  /** @param name of the stored tensor */
  change(name: string): GgufChange | null
}

interface Stack {
  layers: string
  names: Readonly<Record<string, string>>
}

/** Made from the configuration when a model is built. */
export const isComputed = (name: string): boolean => /^rope_(freqs|factors_long|factors_short)\.weight$/.test(name)

/** The name that transformers gives, with a `*` for experts; null for one that no architecture here has. */
export function transformersName({ stacks, other }: GgufArchitecture, name: string): string | null {
  const [, before, number, part, end] = /^(?:((?:\w+\.)?blk)\.(\d+)\.)?([\w.]+)\.(weight|bias)$/.exec(name) ?? []
  if (part === undefined) return null
  const stack = before === undefined ? null : stacks[before]
  if (stack === undefined) return null
  const names = stack?.names ?? other
  const own = [`${part}.${end}`, part].find((each) => Object.hasOwn(names, each))
  if (own === undefined) return null
  const found = own === part ? `${names[part]}.${end}` : names[own]!
  return stack ? `${stack.layers}.${number}.${found}` : found
}
