// Where matrix products on wasm may use fused multiply-add, which rounds once for a product and its sum. Not every engine and processor
// has it, and without it the last bits are others. So only what is measured uses it: losses, scores and gradients. What decides written
// bytes, masks and singular values does not (docs/decisions/0024-threads-and-fused-products.md).

let depth = 0
let isExact = false

/** Does work of which the last bits may depend on the machine: a measurement. */
export function measured<T>(work: () => T): T {
  depth++
  try {
    return work()
  } finally {
    depth--
  }
}

/** From now on nothing of this thread depends on the machine: what it measures goes into written weights. */
export function beExact(exact: boolean): void {
  isExact = exact
}

export const mayFuse = (): boolean => depth > 0 && !isExact
