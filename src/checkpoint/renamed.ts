// A checkpoint under other names.
import type { Checkpoint } from './checkpoint.js'

/**
 * A view in which some tensors have other names, or (`keep`) one name more.
 * @param names of the view → the checkpoint's
 */
export function renamed(checkpoint: Checkpoint, names: ReadonlyMap<string, string>, keep = false): Checkpoint {
  const stored = (name: string): string => names.get(name) ?? name
  const other = new Map([...names].map(([name, from]) => [from, name]))
  const shown = (name: string): string => (keep ? name : (other.get(name) ?? name))
  const entries = [...checkpoint.tensors].map(([name, entry]) => ({ ...entry, name: shown(name) }))
  const more = keep ? [...names].map(([name, from]) => ({ ...checkpoint.tensors.get(from)!, name })) : []
  return {
    ...checkpoint,
    tensors: new Map([...entries, ...more].map((entry) => [entry.name, entry])),
    tied: new Map([...checkpoint.tied].map(([copy, source]) => [shown(copy), shown(source)])),
    read: (name) => checkpoint.read(stored(name)),
    readEntries: (name, entries) => checkpoint.readEntries(stored(name), entries),
    readBytes: (name) => checkpoint.readBytes(stored(name)),
    place: (name, made) => checkpoint.place(stored(name), made),
  }
}

/** A view without some tensors. */
export const without = (checkpoint: Checkpoint, names: ReadonlySet<string>): Checkpoint => ({
  ...checkpoint,
  tensors: new Map([...checkpoint.tensors].filter(([name]) => !names.has(name))),
})
