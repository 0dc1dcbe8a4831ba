// Finds the delta file that a name means, of our format or of BitDelta's; what reads it is loaded when there is one.
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { readWeightHeader, type TensorEntry } from '../checkpoint/index.js'
import { isDeltaFile } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { type ResolveOptions, resolveFile } from '../hub/index.js'

/** Ends of the names of the packed signs of a module in BitDelta's file, and of their scale. */
export const [MASK, COEFF] = ['.mask', '.coeff'] as const

/** A delta file as a user names it. */
export interface NamedDelta {
  file: string
  /** What it is called: its path, or its name on the hub. */
  name: string
  /** The base in front of it; null where the file stands alone. */
  base: string | null
  /** Whether it is one of BitDelta. */
  isBitDelta: boolean
}

/**
 * `FILE`, or `BASE+FILE`; null for words that name no delta file. A file on the hub, `org/name:path`, is downloaded first.
 * @throws UserError for a file of that name that is not there, and as resolveFile does
 */
export async function findDelta(reference: string, options: ResolveOptions = {}): Promise<NamedDelta | null> {
  const whole = await resolveFile(reference, options)
  if (existsSync(whole)) return kindOf(whole, { name: reference, base: null })
  for (let at = reference.lastIndexOf('+'); at > 0; at = reference.lastIndexOf('+', at - 1)) {
    const name = reference.slice(at + 1)
    const file = await resolveFile(name, options)
    const found = existsSync(file) && (await kindOf(file, { name, base: reference.slice(0, at) }))
    if (found) return found
  }
  const last = reference.slice(reference.lastIndexOf('+') + 1)
  if (last.endsWith('.delta')) throw new UserError(`${last}: no such file`)
  return null
}

async function kindOf(file: string, named: Pick<NamedDelta, 'name' | 'base'>): Promise<NamedDelta | null> {
  const isBitDelta = await isBitDeltaFile(file)
  return isBitDelta || (await isDeltaFile(file)) ? { file, ...named, isBitDelta } : null
}

/** What a delta file calls its base: the last part of each path, and names on the hub as they are. */
export const recordedName = (reference: string): string =>
  (existsSync(reference) ? [reference] : reference.split('+'))
    .map((part) => (existsSync(part) ? basename(resolve(part)) : part))
    .join('+')

/** Whether a file of torch.save or safetensors has packed signs with their scales. */
export async function isBitDeltaFile(path: string): Promise<boolean> {
  if (!/\.(pt|pth|bin|safetensors|delta)$/.test(path)) return false
  const { entries } = await readWeightHeader(path).catch(() => ({ entries: [] as TensorEntry[] }))
  const names = new Set(entries.map(({ name }) => name))
  const isMask = ({ name, dtype }: TensorEntry) => dtype === 'I32' && name.endsWith(MASK)
  return entries.some((entry) => isMask(entry) && names.has(entry.name.slice(0, -MASK.length) + COEFF))
}
