// Safetensors files and folders for the tests, made byte by byte without the code under test.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { BITS } from '../../src/checkpoint/dtype.js'

export const LLAMA3 = 'test/fixtures/models/llama3'

/** A temporary folder that is removed after the file's tests. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Length prefix + header text + data. */
export function file(header: unknown, data: Uint8Array | number = 0, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length ?? BigInt(json.length))
  return Buffer.concat([prefix, json, typeof data === 'number' ? Buffer.alloc(data) : data])
}

/** A checkpoint folder of float32 tensors, [shape, values] by name. */
export function folder(
  path: string,
  tensors: Record<string, [number[], number[]]>,
  config: object | null = { model_type: 'test' },
): string {
  mkdirSync(path, { recursive: true })
  let at = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, [shape, values]]) => [
      name,
      { dtype: 'F32', shape, data_offsets: [at, (at += values.length * 4)] },
    ]),
  )
  const data = Float32Array.from(Object.values(tensors).flatMap(([, values]) => values))
  writeFileSync(join(path, 'model.safetensors'), file(header, new Uint8Array(data.buffer)))
  if (config) writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  return path
}

/** A folder of tensors [dtype, shape, bytes as text or zeros] by name, in any format. */
export function stored(
  path: string,
  tensors: Record<string, [string, number[], string?]>,
  config: object | null,
): string {
  mkdirSync(path, { recursive: true })
  const sizes = Object.values(tensors).map(
    ([dtype, shape]) => shape.reduce((product, side) => product * side, BITS[dtype]!) / 8,
  )
  let at = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, [dtype, shape]], i) => [
      name,
      { dtype, shape, data_offsets: [at, (at += sizes[i]!)] },
    ]),
  )
  const data = Buffer.alloc(at)
  for (const [name, [, , text]] of Object.entries(tensors))
    if (text) data.write(text, header[name]!.data_offsets[0]!, 'latin1')
  writeFileSync(join(path, 'model.safetensors'), file(header, data))
  if (config) writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  return path
}
