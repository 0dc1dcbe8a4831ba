// Writes the tables of docs/config.md and docs/results.md from the schemas (run it after a build when a schema changed).
import { readFileSync, writeFileSync } from 'node:fs'
import { describeConfig } from '../dist/src/config/index.js'
import { describeRecords } from '../dist/src/record/index.js'

for (const [file, tables] of [['docs/config.md', describeConfig()], ['docs/results.md', describeRecords()]]) {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.slice(0, text.indexOf('\n## ') + 1) + tables)
}
