// The checksum of a file by its definition, written without the code under test.

/** Sums of the words and of the words by their numbers, modulo 2^64, hexadecimal. */
export function contentSum(bytes: Uint8Array): string {
  const words = new DataView(new ArrayBuffer(4 * Math.ceil(bytes.length / 4)))
  new Uint8Array(words.buffer).set(bytes)
  let [sum, weighted] = [0n, 0n]
  for (let i = 0; 4 * i < words.byteLength; i++) {
    const word = BigInt(words.getUint32(4 * i, true))
    sum += word
    weighted += BigInt(i + 1) * word
  }
  return [sum, weighted].map((each) => BigInt.asUintN(64, each).toString(16).padStart(16, '0')).join('')
}
