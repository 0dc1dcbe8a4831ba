// Reads a merge file: mergekit's as mergekit reads it, ours by its schema.
import { z } from 'zod'
import { type Located, locateValue, printPath, readYaml } from '../yaml/index.js'
import { isMergekit, type PassOver, readMergekit } from './mergekit-file.js'
import { type MergeFile, mergeSchema } from './schema.js'

/** A merge file that was read. */
export interface LocatedMerge extends Located<MergeFile> {
  /** A sentence for each key that is passed over, as mergekit does. */
  notes: readonly string[]
}

/** Sentences about keys: one for a name, wherever it stands. */
export function noteKeys(): { passOver: PassOver; notes(): string[] } {
  const places = new Map<string, { path: string; why: string; count: number }>()
  return {
    passOver(path, why) {
      const kind = `${String(path.at(-1))}: ${why}`
      const place = places.get(kind)
      if (place) place.count++
      else places.set(kind, { path: printPath(path), why, count: 1 })
    },
    notes: () =>
      [...places.values()].map(
        ({ path, why, count }) => `${path}${count > 1 ? ` and ${count - 1} more of this name` : ''}: ${why}`,
      ),
  }
}

/** @throws UserError with `file:line:column`, for the first thing that is wrong */
export function readMergeFile(file: string): LocatedMerge {
  const { passOver, notes } = noteKeys()
  const twice: string[] = []
  const located = readYaml(file, schemaWith(passOver), {
    python: (document) => document.has('merge_method'),
    onTwice: (key) => twice.push(`${key}: the key is there twice; the last counts, as in mergekit`),
  })
  return { ...located, notes: [...new Set(twice), ...notes()] }
}

/** As `readMergeFile`, of an object. @param where what errors name */
export function locateMerge(value: unknown, where: string): LocatedMerge {
  const { passOver, notes } = noteKeys()
  return { ...locateValue(value, where, schemaWith(passOver)), notes: notes() }
}

const schemaWith = (passOver: PassOver) =>
  z.preprocess((value) => (isMergekit(value) ? readMergekit(value, passOver) : value), mergeSchema)
