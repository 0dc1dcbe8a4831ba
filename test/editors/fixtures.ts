// Reads the reference cases of test/fixtures/methods.
import { readFileSync } from 'node:fs'

const root = new URL('../../../test/fixtures/methods/', import.meta.url)

export interface Case {
  id: string
  models: string[]
  output: string
  expected: string
  given?: string[]
  tolerance: { kind: 'exact' } | { kind: 'close'; rtol: number; atol: number }
  parameters: Record<string, number>
  rank?: Record<string, number>
}

export interface Entry {
  shape: number[]
  values: Float32Array
}

export const cases = (JSON.parse(readFileSync(new URL('manifest.json', root), 'utf8')) as { cases: Case[] }).cases

/** The tensors of a safetensors file as float32; by-products (a colon in the name) and other types but U8 and F64 are left out. */
export function readTensors(path: string): Map<string, Entry> {
  const bytes = readFileSync(new URL(path, root))
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Header
  const types = { F32: Float32Array, F64: Float64Array, U8: Uint8Array } as const
  const out = new Map<string, Entry>()
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (name === '__metadata__' || name.includes(':')) continue
    const buffer = Uint8Array.from(bytes.subarray(start + from, start + to)).buffer
    out.set(name, { shape, values: Float32Array.from(new types[dtype as keyof typeof types](buffer)) })
  }
  return out
}

const base = readTensors('inputs/base.safetensors')

/** Post minus base of a fine-tune, tensor by tensor. */
export function deltas(model: string): Map<string, Entry> {
  const post = readTensors(`inputs/${model}.safetensors`)
  return new Map([...post].map(([name, { shape, values }]) =>
    [name, { shape, values: values.map((v, i) => v - base.get(name)!.values[i]) }]))
}

export const baseOf = (name: string) => base.get(name)!
