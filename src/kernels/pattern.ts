// The 32 bits of a float32, as an integer. Those of magnitudes order like the numbers.

const bits = new Int32Array(1)
const float = new Float32Array(bits.buffer)

export function patternOf(value: number): number {
  float[0] = value
  return bits[0]!
}

export function floatOf(value: number): number {
  bits[0] = value
  return float[0]!
}
