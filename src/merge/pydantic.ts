// Values as pydantic converts them where mergekit reads its files.

const TRUE = /^(1|on|t|true|y|yes)$/i
const FALSE = /^(0|off|f|false|n|no)$/i

/** What pydantic takes for a truth value; other values as they are. */
export function asTruth(value: unknown): unknown {
  if (value === 1 || (typeof value === 'string' && TRUE.test(value))) return true
  return value === 0 || (typeof value === 'string' && FALSE.test(value)) ? false : value
}

/** What pydantic takes for a number; other values as they are. */
export function asNumber(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string') return value
  const text = value.trim().replaceAll(/(?<=\d)_(?=\d)/g, '')
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : value
}
