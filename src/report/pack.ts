// Records in few bytes: a column at a time, and each value that occurs often is written once.

/** A column: one value for all records; or a list of values and for each record the place in it; or a value for each record. */
type PackedColumn = { all: unknown } | { words: unknown[]; at: number[] } | { values: unknown[] }

/** A table of records as plain JSON. */
export interface PackedRecords {
  count: number
  columns: Record<string, PackedColumn>
}

/** @param names the fields that are kept; their values are plain JSON */
export function packRecords<T extends object>(
  records: readonly T[],
  names: readonly (keyof T & string)[],
): PackedRecords {
  const columns = names.map((name) => [name, packColumn(records.map((record) => record[name] ?? null))] as const)
  return { count: records.length, columns: Object.fromEntries(columns) }
}

function packColumn(values: readonly unknown[]): PackedColumn {
  const places = new Map<unknown, number>()
  const words: unknown[] = []
  const at: number[] = []
  let [last, lastPlace]: [unknown, number] = [undefined, -1]
  for (const value of values) {
    if (value === last) {
      at.push(lastPlace)
      continue
    }
    // Objects are equal where their text is. No other value of a column of objects is a text.
    const key = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
    const place = places.get(key) ?? words.length
    if (place === words.length) {
      places.set(key, place)
      words.push(value)
      if (words.length > 16 && words.length * 2 > values.length) return { values: [...values] }
    }
    at.push(place)
    last = value
    lastPlace = place
  }
  return words.length === 1 ? { all: words[0] } : { words, at }
}

/** The records again. Equal objects are one object. */
export function unpackRecords<T extends object>({ count, columns }: PackedRecords): T[] {
  // What all have in common first: a copy of one object keeps its shape, and is read several times as fast as one made field by field.
  const common = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, 'all' in column ? column.all : null]),
  )
  const shape: Record<string, unknown> = JSON.parse(JSON.stringify(common))
  const records = Array.from({ length: count }, () => ({ ...shape }))
  for (const [name, column] of Object.entries(columns)) {
    if ('all' in column) continue
    const valueAt = 'words' in column ? (i: number) => column.words[column.at[i]!] : (i: number) => column.values[i]
    for (let i = 0; i < count; i++) records[i]![name] = valueAt(i)
  }
  return records as T[]
}
