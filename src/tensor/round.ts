// Rounding of float32 values to brain floats, for arithmetic that other tools do in 16 bits.

/** Every value to its nearest bf16, ties to even; still float32. */
export function roundBf16(values: Float32Array): Float32Array {
  const bits = Int32Array.from(new Int32Array(values.buffer, values.byteOffset, values.length), (u) =>
    (u & 0x7fffffff) > 0x7f800000 ? u | 0x400000 : (u + 0x7fff + ((u >>> 16) & 1)) & 0xffff0000,
  )
  return new Float32Array(bits.buffer)
}
