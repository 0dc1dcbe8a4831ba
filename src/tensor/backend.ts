// Picks the TensorFlow.js backend once and makes it safe; what is replaced on wasm stands in wasm.ts.
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { UserError } from '../errors/index.js'
import { beExact } from './fma.js'
import { prepareNative } from './native.js'
import { startTensorflow } from './tensorflow.js'
import { tf } from './tf.js'
import { prepareWasm, withSharedHeap } from './wasm.js'
import { heapSize, type WasmBackend } from './wasm-heap.js'
import { startWebgpu } from './webgpu.js'

export const BACKENDS = ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const
/** What computes: `auto` takes what the variable DELTALAB_BACKEND names, else a native backend where one is installed, else wasm. */
export type BackendName = (typeof BACKENDS)[number]

const VARIABLE = 'DELTALAB_BACKEND'

/** What `auto` means here: the tests, and machines where all commands shall use one backend, set the variable. */
export function automatic(): BackendName {
  const name = process.env[VARIABLE] || 'auto'
  if ((BACKENDS as readonly string[]).includes(name)) return name as BackendName
  throw new UserError(`the variable ${VARIABLE} must be one of ${BACKENDS.join(', ')}; got ${JSON.stringify(name)}`)
}

/** The wasm heap ends at 4 GiB and fragments. */
const WASM_BYTES = 3.5e9

/** Bytes that all tensors may take on the backend that computes now, whatever the machine has. */
export const heapBytes = (): number => (tf.getBackend() === 'wasm' ? WASM_BYTES : Infinity)

/** TensorFlow's library itself, what it prepares for each size of batch, and the graphs that are remembered. */
const LIBRARY_BYTES = 600e6

/** Bytes of the process, beside tensors, that the backend takes that computes now. */
export const libraryBytes = (): number => (tf.getBackend() === 'tensorflow' ? LIBRARY_BYTES : 0)

/** Bytes of the process that the backend keeps when all tensors are gone: the heap of wasm never shrinks. */
export const keptBytes = (): number =>
  tf.getBackend() === 'wasm' ? heapSize(tf.backend() as unknown as WasmBackend) : libraryBytes()

/** A backend that was started. */
export interface BackendInfo {
  /** tensorflow, webgpu, wasm or cpu; kernels where none was started. */
  name: string
  /** What provides it: an npm package with its version; the version of TensorFlow and a graphics card, where these compute. */
  package: string
  /** The graphics card on which TensorFlow computes; null for the processor. */
  gpu?: string | null
  /** Why a native backend that is installed was not taken. */
  note?: string
}

/** In place of a backend, where the kernels of deltalab do all the work. */
export const KERNELS: BackendInfo = { name: 'kernels', package: 'kernels of deltalab' }

const require = createRequire(import.meta.url)

/** How a thread computes on wasm. */
export interface WasmUse {
  /** Threads that compute one large pass; where several threads each start a backend, their share of the cores. Default all cores. */
  threads?: number
  /** True where what is measured goes into written weights: no bit may depend on the engine or the processor. */
  exact?: boolean
}

export async function startWasm({
  threads = availableParallelism(),
  exact = false,
}: WasmUse = {}): Promise<BackendInfo> {
  require('@tensorflow/tfjs-backend-wasm')
  beExact(exact)
  const start = () => tf.setBackend('wasm')
  if (!(await (threads > 1 ? withSharedHeap(start) : start())))
    throw new UserError('the wasm backend did not start; try --backend cpu')
  prepareWasm(threads)
  return {
    name: 'wasm',
    package: `@tensorflow/tfjs-backend-wasm ${require('@tensorflow/tfjs-backend-wasm/package.json').version}`,
  }
}

/** Ends with the last start: TensorFlow.js gives up one that is not done where another begins. */
let started: Promise<unknown> = Promise.resolve()

/**
 * Selects and initialises a backend: `auto` takes the binding of `deltalab native install`, then tfjs-node-gpu, then tfjs-node, else wasm;
 * the environment variable DELTALAB_BACKEND names another one.
 * @param asked backend to use
 * @param use how it computes, where it is wasm
 * @returns the backend that was chosen, and the package it comes from
 * @throws UserError when the named backend cannot be had, with the reason
 */
export function setBackend(asked: BackendName = 'auto', use: WasmUse = {}): Promise<BackendInfo> {
  const turn = started.then(() => startBackend(asked, use))
  started = turn.catch(() => undefined)
  return turn
}

async function startBackend(asked: BackendName, use: WasmUse): Promise<BackendInfo> {
  const name = asked === 'auto' ? automatic() : asked
  if (name === 'cpu') {
    await tf.setBackend('cpu')
    return { name, package: `@tensorflow/tfjs ${tf.version['tfjs-core']}` }
  }
  if (name === 'wasm') return startWasm(use)
  if (name === 'webgpu') return { name, package: await startWebgpu() }
  const native = await startTensorflow()
  if (native && !(native instanceof Error)) {
    prepareNative()
    return { name: 'tensorflow', ...native }
  }
  const reason = native?.message ?? 'none is installed; deltalab native install does it'
  if (name === 'tensorflow')
    throw new UserError(`backend tensorflow: ${reason}; or use --backend wasm`, { cause: native })
  return {
    ...(await startWasm(use)),
    ...(native && { note: `backend tensorflow does not start: ${reason}; wasm computes` }),
  }
}
