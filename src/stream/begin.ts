// Lets threads begin early. Its declarations name no type of Node, which users of the library may lack.
import { begin, begun } from './begun.js'

/** Lets threads begin while the program reads what they will work on; those that are not needed end with the first that is closed. */
export function beginThreads(count: number): void {
  while (begun.length < count) {
    const worker = begin()
    worker.unref()
    begun.push(worker)
  }
}
