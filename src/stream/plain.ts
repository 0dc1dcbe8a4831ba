// Plain data: what another thread gets as it is. Objects of classes would arrive without their methods.

/** Whether a value is made of primitives, arrays, typed arrays, maps, sets and objects without a class alone. @param around what it is in */
export function isPlain(value: unknown, around: readonly unknown[] = []): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  if (ArrayBuffer.isView(value)) return !Buffer.isBuffer(value)
  if (around.includes(value)) return false
  const inside = (part: unknown) => isPlain(part, [...around, value])
  if (Array.isArray(value)) return value.every(inside)
  if (value instanceof Map || value instanceof Set) return [...value].every(inside)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(inside)
}
