// Plain data: what another thread gets as it is. Objects of classes would arrive without their methods.

/** Whether a value is made of primitives, arrays, typed arrays, maps, sets and objects without a class alone. */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  if (ArrayBuffer.isView(value)) return !Buffer.isBuffer(value)
  if (Array.isArray(value)) return value.every(isPlain)
  if (value instanceof Map) return [...value].every(isPlain)
  if (value instanceof Set) return [...value].every(isPlain)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain)
}
