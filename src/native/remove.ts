// Removes bindings.
import { existsSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { makeTemporary } from '../files/index.js'
import { type Binding, findBindings } from '../tensor/index.js'

/** Removes the bindings of this platform; each is there whole, or not at all. @returns those that were there */
export function removeBindings(): Binding[] {
  const bindings = findBindings()
  for (const { folder } of bindings) {
    const aside = makeTemporary('native', dirname(folder))
    if (existsSync(folder)) renameSync(folder, join(aside.path, basename(folder)))
    aside.remove()
  }
  return bindings
}
