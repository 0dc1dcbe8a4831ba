// Picks the TensorFlow.js backend once and makes it safe; what is replaced on wasm stands in wasm.ts.
import { createRequire } from 'node:module'
import util from 'node:util'
import { UserError } from '../errors/index.js'
import { tf } from './tf.js'
import { prepareWasm } from './wasm.js'
import { startWebgpu } from './webgpu.js'

export const BACKENDS = ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const
/** What computes: `auto` takes what the variable DELTALAB_BACKEND names, else a native backend where one is installed, else wasm. */
export type BackendName = (typeof BACKENDS)[number]

const VARIABLE = 'DELTALAB_BACKEND'

/** What `auto` means here: the tests, and machines where all commands shall use one backend, set the variable. */
function automatic(): BackendName {
  const name = process.env[VARIABLE] || 'auto'
  if ((BACKENDS as readonly string[]).includes(name)) return name as BackendName
  throw new UserError(`the variable ${VARIABLE} must be one of ${BACKENDS.join(', ')}; got ${JSON.stringify(name)}`)
}

/** The backend that computes now, where each thread can have one of its own; null for those that use all cores, or a GPU, by themselves. */
export function backendForThreads(): 'wasm' | 'cpu' | null {
  const name = tf.getBackend()
  return name === 'wasm' || name === 'cpu' ? name : null
}

/** The wasm heap ends at 4 GiB and fragments. */
const WASM_BYTES = 3.5e9

/** Bytes that all tensors may take on the backend that computes now, whatever the machine has. */
export const heapBytes = (): number => (tf.getBackend() === 'wasm' ? WASM_BYTES : Infinity)

/** A backend that was started. */
export interface BackendInfo {
  /** tensorflow, webgpu, wasm or cpu; kernels where none was started. */
  name: string
  /** npm package that provides it, with its version. */
  package: string
}

/** In place of a backend, where the kernels of deltalab do all the work. */
export const KERNELS: BackendInfo = { name: 'kernels', package: 'kernels of deltalab' }

const require = createRequire(import.meta.url)

/** The first native package that is installed and loads; tfjs-node 4.22 calls util functions that Node 23 removed. */
function loadNative(): BackendInfo | Error {
  const removed = util as unknown as Record<string, unknown>
  removed.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined
  removed.isArray ??= Array.isArray
  let reason = new Error('neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed')
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      require(name)
      return { name: 'tensorflow', package: `${name} ${require(`${name}/package.json`).version}` }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND')
        reason = new Error(`${name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return reason
}

async function startWasm(): Promise<BackendInfo> {
  require('@tensorflow/tfjs-backend-wasm')
  if (!(await tf.setBackend('wasm'))) throw new UserError('the wasm backend did not start; try --backend cpu')
  prepareWasm()
  return {
    name: 'wasm',
    package: `@tensorflow/tfjs-backend-wasm ${require('@tensorflow/tfjs-backend-wasm/package.json').version}`,
  }
}

/**
 * Selects and initialises a backend: `auto` takes tfjs-node-gpu, then tfjs-node, when installed and loadable, else wasm;
 * the environment variable DELTALAB_BACKEND names another one.
 * @param asked backend to use
 * @returns the backend that was chosen, and the package it comes from
 * @throws UserError when the named backend cannot be had, with the reason
 */
export async function setBackend(asked: BackendName = 'auto'): Promise<BackendInfo> {
  const name = asked === 'auto' ? automatic() : asked
  if (name === 'cpu') {
    await tf.setBackend('cpu')
    return { name, package: `@tensorflow/tfjs ${tf.version['tfjs-core']}` }
  }
  if (name === 'wasm') return startWasm()
  if (name === 'webgpu') return { name, package: await startWebgpu() }
  const native = loadNative()
  if (!(native instanceof Error)) {
    await tf.setBackend('tensorflow')
    return native
  }
  if (name === 'tensorflow')
    throw new UserError(`backend tensorflow cannot be loaded: ${native.message}; use --backend wasm`, { cause: native })
  return startWasm()
}
