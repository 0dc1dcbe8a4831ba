// The checksum of a file by its definition, written without the code under test.

/** What a word is multiplied by. @param i its number, from 1 on */
export function weightOf(i: number): bigint {
  const step = Math.imul(i, 0x9e3779b1) >>> 0
  const mixed = Math.imul(step ^ (step >>> 15), 0x85ebca77) >>> 0
  return BigInt((mixed ^ (mixed >>> 13)) >>> 0)
}

/** Sums of the words and of the words by their weights, modulo 2^64, hexadecimal. */
export function contentSum(bytes: Uint8Array): string {
  const words = new DataView(new ArrayBuffer(4 * Math.ceil(bytes.length / 4)))
  new Uint8Array(words.buffer).set(bytes)
  let [sum, weighted] = [0n, 0n]
  for (let i = 0; 4 * i < words.byteLength; i++) {
    const word = BigInt(words.getUint32(4 * i, true))
    sum += word
    weighted += weightOf(i + 1) * word
  }
  return [sum, weighted].map((each) => BigInt.asUintN(64, each).toString(16).padStart(16, '0')).join('')
}
