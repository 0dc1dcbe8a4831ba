// Numbers that answer a reduction.

/** Integers where they are many. */
export type PassAnswer = Float64Array | Int32Array

/** One array after the other, of the kind of the first. */
export function joined(parts: readonly PassAnswer[]): PassAnswer {
  const [first] = parts
  if (parts.length === 1) return first!
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const all = first instanceof Int32Array ? new Int32Array(length) : new Float64Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
