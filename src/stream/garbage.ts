// Garbage of a thread, which V8 would leave for long: memory of arrays is not in its own heap. A bound on memory cannot wait for it.
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Less than that is left alone. */
const WORTH = 16e6

let collect: (() => void) | undefined

/** Frees the arrays that are no longer used. */
export function freeArrays(): void {
  if (process.memoryUsage().arrayBuffers < WORTH) return
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}
