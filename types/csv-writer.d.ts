// What we use of csv-writer 1.6.0. Its `types` are its TypeScript sources, which our compiler options would check.
export function createArrayCsvStringifier(settings: Record<string, never>): {
  stringifyRecords(records: readonly (readonly unknown[])[]): string
}
export function createObjectCsvStringifier(settings: { header: readonly { id: string; title: string }[] }): {
  getHeaderString(): string | null
  stringifyRecords(records: readonly object[]): string
}
