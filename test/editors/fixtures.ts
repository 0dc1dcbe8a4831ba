// Reads the reference cases of test/fixtures/methods.
import { readFileSync } from 'node:fs'
import { decodeValues, encodeValues } from '../../src/kernels/index.js'

const root = new URL('../../../test/fixtures/methods/', import.meta.url)

export interface Case {
  id: string
  method?: string
  models: string[]
  output: string
  expected: string
  given?: string[]
  tolerance: { kind: 'exact' } | { kind: 'close'; rtol: number; atol: number }
  parameters: Record<string, any>
  tool_fails_on?: Record<string, string>
  rank?: Record<string, number>
  q_used?: Record<string, number>
}

export interface Entry {
  shape: number[]
  values: Float32Array
}

export const cases = (JSON.parse(readFileSync(new URL('manifest.json', root), 'utf8')) as { cases: Case[] }).cases

/** Every value to its nearest bf16, ties to even; still float32. */
export const roundBf16 = (values: Float32Array): Float32Array => decodeValues(encodeValues(values, 'BF16'), 'BF16')

/** Every tensor of a safetensors file; 16-bit brain floats become float32, all else keeps its values. */
export function readAll(path: string): Map<string, Entry & { values: Float32Array | Int32Array }> {
  const bytes = readFileSync(new URL(path, root))
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Header
  const types = { F32: Float32Array, F64: Float64Array, U8: Uint8Array, I32: Int32Array, BF16: Uint16Array } as const
  const out = new Map<string, Entry & { values: Float32Array | Int32Array }>()
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const raw = new types[dtype as keyof typeof types](Uint8Array.from(bytes.subarray(start + from, start + to)).buffer)
    const values =
      raw instanceof Int32Array
        ? raw
        : dtype === 'BF16'
          ? new Float32Array(Uint32Array.from(raw, (word) => word << 16).buffer)
          : Float32Array.from(raw)
    out.set(name, { shape, values: values as Float32Array })
  }
  return out
}

/** The tensors of a safetensors file without by-products, whose names have a colon. */
export function readTensors(path: string): Map<string, Entry> {
  return new Map([...readAll(path)].filter(([name]) => !name.includes(':')))
}

const base = readTensors('inputs/base.safetensors')

/** Post minus base of a fine-tune, tensor by tensor. */
export function deltas(model: string): Map<string, Entry> {
  const post = readTensors(`inputs/${model}.safetensors`)
  return new Map(
    [...post].map(([name, { shape, values }]) => [
      name,
      { shape, values: values.map((v, i) => v - base.get(name)!.values[i]!) },
    ]),
  )
}

export const baseOf = (name: string) => base.get(name)!
