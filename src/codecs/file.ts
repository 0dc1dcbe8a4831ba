// Writes stored forms as a safetensors file in memory; they are small.

export interface StoredTensor {
  dtype: 'F32' | 'I32'
  shape: readonly number[]
  values: Float32Array | Int32Array
}

/** 8 bytes of header length, JSON header, data; the header is padded with spaces so that the data are aligned. */
export function encodeFile(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  let at = 0
  const entries = Object.entries(tensors).map(([name, { dtype, shape, values }]) => {
    const begin = at
    at += values.byteLength
    return [name, { dtype, shape, data_offsets: [begin, at] }] as const
  })
  const text = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }))
  const header = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ')
  text.copy(header)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const data = Object.values(tensors).map(
    ({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  )
  return Buffer.concat([length, header, ...data])
}
