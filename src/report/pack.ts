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
  const columns = names.map((name) => [name, new Column(records.length)] as const)
  // A record after the other, because all its fields lie together in memory.
  for (const record of records) for (const [name, column] of columns) column.add(record[name] ?? null)
  return { count: records.length, columns: Object.fromEntries(columns.map(([name, column]) => [name, column.pack()])) }
}

/** The values of a column, numbered by their first occurrence; as they are where most occur once. */
class Column {
  private readonly places = new Map<unknown, number>()
  private readonly words: unknown[] = []
  private readonly at: number[] = []
  private values: unknown[] | null = null
  private last: unknown
  private lastPlace = -1

  constructor(private readonly count: number) {}

  add(value: unknown): void {
    if (this.values) {
      this.values.push(value)
      return
    }
    this.at.push(value === this.last ? this.lastPlace : this.placeOf(value))
    const { length } = this.words
    if (length > 16 && length * 2 > this.count) this.values = this.at.map((place) => this.words[place])
  }

  private placeOf(value: unknown): number {
    // Objects are equal where their text is. No other value of a column of objects is a text.
    const key = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
    const place = this.places.get(key) ?? this.words.length
    if (place === this.words.length) {
      this.places.set(key, place)
      this.words.push(value)
    }
    this.last = value
    this.lastPlace = place
    return place
  }

  pack(): PackedColumn {
    if (this.values) return { values: this.values }
    return this.words.length === 1 ? { all: this.words[0] } : { words: this.words, at: this.at }
  }
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
