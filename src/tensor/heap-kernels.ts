// The kernels that compute on the heap of the wasm backend, by number: each thread has its own instance of them on the one memory.
import { type Gemm, hasFusedProducts, instantiate } from '../kernels/index.js'

/** Does the units `from` … `to` − 1 of a piece of work: addresses and sizes, then from, to and the thread's own scratch memory. */
type HeapKernel = (...numbers: number[]) => void

/** The kernels of files of assembly/. */
const KERNELS = {
  norms: ['rmsNorm', 'rmsNormPull', 'rmsNormWeightPull', 'standardize', 'standardizePull', 'sumRows'],
  gates: ['gelu', 'geluPull', 'siluTimes', 'siluTimesPull'],
  softmax: ['maskedSoftmax', 'softmaxPull', 'sumExps', 'entropyPull', 'attendSeen'],
  moves: ['rotate', 'swapAxes', 'takeRows', 'addRows', 'putRows'],
} as const
type KernelFile = keyof typeof KERNELS
type FileKernelName = (typeof KERNELS)[KernelFile][number]

/** Products that end with Fma may round once where the others round twice (fma.ts). */
export const HEAP_KERNELS = [
  'gemmBatch',
  'gemmPanels',
  'gemmBatchFma',
  'gemmPanelsFma',
  ...Object.values(KERNELS).flat(),
] as const
export type HeapKernelName = (typeof HEAP_KERNELS)[number]

export interface HeapKernels {
  byNumber: readonly HeapKernel[]
  /** Bytes of scratch memory that a thread needs. */
  scratch: number
  gemmPanel: Gemm['gemmPanel']
}

type Products = Pick<Gemm, 'gemmScratch' | 'gemmPanel'> & Record<'gemmBatch' | 'gemmPanels', HeapKernel>

export function heapKernels(memory: WebAssembly.Memory): HeapKernels {
  const exact = instantiate<Products>('gemm', memory)
  const fused = hasFusedProducts() ? instantiate<Products>('gemm-fma', memory) : exact
  const files = Object.keys(KERNELS).map((name) =>
    instantiate<Record<FileKernelName, HeapKernel>>(name as KernelFile, memory),
  )
  const all: Record<HeapKernelName, HeapKernel> = {
    gemmBatch: exact.gemmBatch,
    gemmPanels: exact.gemmPanels,
    gemmBatchFma: fused.gemmBatch,
    gemmPanelsFma: fused.gemmPanels,
    ...(Object.assign({}, ...files) as Record<FileKernelName, HeapKernel>),
  }
  return { byNumber: HEAP_KERNELS.map((name) => all[name]), scratch: exact.gemmScratch(), gemmPanel: exact.gemmPanel }
}
