// Data files of one JSON record per line.
import { writeFileSync } from 'node:fs'

export function writeLines<T>(path: string, values: Iterable<T>, toRecord: (value: T) => object): void {
  const lines: string[] = []
  for (const value of values) lines.push(JSON.stringify(toRecord(value)))
  writeFileSync(path, `${lines.join('\n')}\n`)
}
