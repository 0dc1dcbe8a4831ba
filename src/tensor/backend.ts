// Picks the TensorFlow.js backend once and makes it safe: see kernels.ts for what is replaced on wasm.
export type BackendName = 'auto' | 'tensorflow' | 'wasm' | 'cpu'

export interface BackendInfo {
  /** tensorflow, wasm or cpu. */
  name: string
  /** npm package that provides it, with its version. */
  package: string
  threads: number
}

/** Selects and initialises a backend; `auto` takes tfjs-node-gpu, then tfjs-node, when installed and loadable, else wasm. */
export async function setBackend(_name: BackendName = 'auto'): Promise<BackendInfo> {
  throw new Error('not yet')
}
