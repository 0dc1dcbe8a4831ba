// Messages of Protocol Buffers, as far as event files need them: numbered fields one behind the other
// (https://protobuf.dev/programming-guides/encoding).

/** A text or a message within a message. */
export function part(field: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([whole((field << 3) | 2), whole(bytes.length), bytes])
}

/** A number of type int32, int64, bool or enum, not negative. */
export const varint = (field: number, value: number): Buffer => Buffer.concat([whole(field << 3), whole(value)])

/** A number of type double. */
export function double(field: number, value: number): Buffer {
  const bytes = Buffer.from([(field << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0])
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/** A number of type float, rounded to it. */
export function float(field: number, value: number): Buffer {
  const bytes = Buffer.from([(field << 3) | 5, 0, 0, 0, 0])
  bytes.writeFloatLE(value, 1)
  return bytes
}

/** Seven bits a byte, the lowest first; all bytes but the last have the eighth bit. */
function whole(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
