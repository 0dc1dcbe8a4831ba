// The cases of test/fixtures/stored: tensors, how mergekit merged them, and the same by our own operations.
import { readFileSync } from 'node:fs'
import { decode, encode } from '../../src/checkpoint/dtype.js'
import { methods } from '../../src/merge/mergekit.js'
import type { FloatFormat, Numbers } from '../../src/mergekit/index.js'
import { parseWith } from '../../src/schema/index.js'
import { seedTorch } from '../../src/twister/index.js'

export interface Case {
  inputs: string
  method: string
  base: boolean
  count: number
  options: Record<string, unknown>
  models: Record<string, number>[]
  seed: number
  format: FloatFormat
  out?: string
  sha256?: string
}
export const { inputs, results } = JSON.parse(readFileSync('test/fixtures/stored/cases.json', 'utf8')) as {
  inputs: Record<string, { shape: number[]; base: string; models: string[] }>
  results: Case[]
}

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

export function decoded(format: FloatFormat, bytes: Uint8Array): Numbers {
  if (format === 'F64') return new Float64Array(bytes.buffer)
  const out = new Float32Array(bytes.length / (format === 'F32' ? 4 : 2))
  decode(format, bytes, out)
  return out
}

export const encoded = (format: FloatFormat, values: Numbers): Uint8Array =>
  format === 'F64'
    ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    : encode(format, values as Float32Array)

export function merged({ inputs: from, method: name, base: based, count, options, models, seed }: Case) {
  const format = from.split(' ')[1] as FloatFormat
  const { shape, base, models: all } = inputs[from]!
  const [own, ...others] = [base, ...all.slice(0, count)].map((text) => decoded(format, bytesOf(text)))
  const method = methods.find((each) => each.name === name)!
  const known = (given: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(given).filter(([key]) => key in method.model.shape))
  const merge = method.stored!.merge
  const values = merge(
    {
      ...{ name: from, format, shape, generator: seedTorch(seed), warn: () => undefined },
      base: based ? own! : null,
      models: name === 'slerp' ? [own!, ...others] : others,
    },
    parseWith(method.options, options, name),
    models.map((each) => parseWith(method.model, known(each), name)),
  )
  return { values, format: method.stored!.formatOf?.(format) ?? format }
}
