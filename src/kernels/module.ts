// The compiled modules of assembly/: WebAssembly with SIMD, on a memory that the caller owns.
import { readFileSync } from 'node:fs'
import v8 from 'node:v8'
import { asShared } from './shared.js'

const modules = new Map<string, WebAssembly.Module>()

/** A compiled module of assembly/ for a memory that is one thread's own, or that threads share. */
function moduleOf(name: string, isShared: boolean): WebAssembly.Module {
  const key = `${name} ${isShared}`
  const known = modules.get(key)
  if (known) return known
  const bytes = bytesOf(name)
  const module = new WebAssembly.Module(isShared ? asShared(bytes) : bytes)
  modules.set(key, module)
  return module
}

const bytesOf = (name: string) => readFileSync(new URL(`./${name}.wasm`, import.meta.url))

/** Whether the engine has fused multiply-add (relaxed SIMD). Node 20 has it behind a switch, which later ones do not know. */
export function hasFusedProducts(): boolean {
  if (process.versions.v8.startsWith('11.')) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  return WebAssembly.validate(bytesOf('gemm-fma'))
}

/**
 * A module of assembly/ on any memory. It has no data of its own: every address is the caller's.
 * @param name the file's name, without its ending
 */
export function instantiate<T>(name: string, memory: WebAssembly.Memory): T {
  const module = moduleOf(name, memory.buffer instanceof SharedArrayBuffer)
  return new WebAssembly.Instance(module, { env: { memory } }).exports as T
}

type Coder = (from: number, to: number, size: number) => number
type BasedCoder = (from: number, base: number, to: number, size: number) => number

/** The kernels of a machine; addresses are bytes, sizes are entries. */
export interface Kernels {
  decodeF32: Coder
  decodeBF16: Coder
  decodeF16: Coder
  decodeF64: Coder
  encodeF32: Coder
  encodeBF16: Coder
  encodeF16: Coder
  subtractBF16: BasedCoder
  addBF16: BasedCoder
  checksum(from: number, bytes: number, position: number, state: number): void
  subtract(to: number, v: number, x: number, size: number): void
  add(v: number, x: number, size: number): void
  scale(to: number, v: number, size: number, factor: number): void
  scaleAndAdd(to: number, v: number, size: number, factor: number): void
  scaleBoth(to: number, v: number, x: number, size: number, factor: number, other: number): void
  choose(v: number, bits: number, size: number, dropped: number, kept: number): void
  clear(v: number, bits: number, size: number, factor: number): void
  drop(v: number, size: number, threshold: number, lastTie: number): void
  signs(v: number, size: number, magnitude: number): void
  restore(v: number, before: number, after: number, base: number, size: number): void
  elect(...numbers: number[]): void
  magnitudes(v: number, size: number): number
  norms(v: number, bits: number, size: number, to: number): void
  total(v: number, size: number): number
  nonZero(v: number, size: number): number
  largest(v: number, size: number): number
  dot(x: number, y: number, size: number): number
  dots(x: number, y: number, size: number, to: number): void
  distance(x: number, y: number, size: number): number
  compare(x: number, y: number, size: number, ...tables: number[]): void
  compareBF16(x: number, y: number, size: number, ...tables: number[]): void
  packCounts(counts: number, to: number, moments: number): number
  bracket(...numbers: number[]): void
  findEqual(v: number, size: number, bits: number, n: number): number
  draws(to: number, size: number, key0: number, key1: number, offset: number): void
  pack(draws: number, bits: number, size: number, limit: number): void
  keepRows(v: number, rows: number, columns: number, k: number, rule: number, scale: number, space: number): void
  dropRows(v: number, rows: number, columns: number, k: number, space: number): void
  countRowTies(v: number, rows: number, columns: number, k: number, space: number): number
  quantise(v: number, rows: number, columns: number, width: number, top: number): void
  keep(from: number, to: number, size: number, threshold: number, lastTie: number, scale: number): void
  decideRows(v: number, draws: number, rows: number, columns: number, limits: number, space: number): void
  prune(v: number, draws: number, rows: number, columns: number, limits: number, factors: number, space: number): void
}

/** All kernels of a machine. */
export const loadKernels = (memory: WebAssembly.Memory): Kernels =>
  Object.assign(
    {},
    ...['codec', 'entries', 'reduce', 'comparison', 'bracket', 'random', 'select', 'prune', 'rows'].map((name) =>
      instantiate<object>(name, memory),
    ),
  )

type Splitter = (
  differences: number,
  base: number,
  size: number,
  shift: number,
  symbols: number,
  classes: number,
  counts: number,
  bits: number,
) => number
type Joiner = (symbols: number, bits: number, size: number, to: number, table: number) => number
type Bits = 8 | 16 | 32 | 64

/** Exact differences: differences.ts, moved.ts, packed.ts, planes.ts, rans.ts and unpacked.ts of assembly/. Addresses are bytes, sizes are entries. */
export interface LosslessKernels extends Record<`split${Bits}`, Splitter>, Record<`join${Bits}`, Joiner> {
  subtractBase(post: number, base: number, size: number, width: number, isFloat: boolean, to: number): void
  addBase(base: number, size: number, width: number, isFloat: boolean, to: number): void
  planes(from: number, size: number, width: number, isFloat: boolean, to: number): void
  entries(from: number, size: number, width: number, isFloat: boolean, to: number): void
  countSymbols(symbols: number, size: number, counts: number): void
  isEqual(one: number, two: number, bytes: number): number
  encodeSymbols(symbols: number, classes: number, size: number, rows: number, end: number): number
  fillRanges(frequencies: number, row: number): void
  fillPlaces(frequencies: number, row: number): void
  decodeSymbols(
    from: number,
    end: number,
    base: number,
    size: number,
    width: number,
    shift: number,
    rows: number,
    symbols: number,
  ): number
  findCodes(post: number, base: number, size: number, width: number, isFloat: boolean, to: number): void
  applyCodes(base: number, size: number, width: number, isFloat: boolean, to: number): void
  findClasses(base: number, size: number, width: number, shift: number, to: number): void
  countWidths(codes: number, classes: number, size: number, width: number, counts: number): void
  placeRows(first: number, count: number, bits: number, rows: number): void
  packMoves(
    codes: number,
    classes: number,
    size: number,
    width: number,
    rows: number,
    bits: number,
    patches: number,
    most: number,
  ): number
  unpackMoves(
    bits: number,
    end: number,
    base: number,
    size: number,
    width: number,
    shift: number,
    rows: number,
    to: number,
  ): boolean
}

/** Products of batches of float32 matrices: assembly/gemm.ts. Addresses are bytes, strides are entries. */
export interface Gemm {
  gemmScratch(): number
  gemmPanel(across: boolean): number
  gemmBatch(
    a: number,
    b: number,
    c: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    strideA: number,
    strideB: number,
    from: number,
    to: number,
    scratch: number,
  ): void
}
