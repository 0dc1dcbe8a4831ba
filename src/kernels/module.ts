// The compiled modules of assembly/: WebAssembly with SIMD, on a memory that the caller owns.
import { readFileSync } from 'node:fs'

const modules = new Map<string, WebAssembly.Module>()

/**
 * A module of assembly/ on any memory. It has no data of its own: every address is the caller's.
 * @param name the file's name, without its ending
 */
export function instantiate<T>(name: string, memory: WebAssembly.Memory): T {
  const module = modules.get(name) ?? new WebAssembly.Module(readFileSync(new URL(`./${name}.wasm`, import.meta.url)))
  modules.set(name, module)
  return new WebAssembly.Instance(module, { env: { memory } }).exports as T
}
