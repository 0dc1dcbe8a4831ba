// Writes the tables of docs/: of config.md and results.md from the schemas, of fixtures.md from runs of the reference cases
// (run it after a build when a schema, an editor or a merger changed).
import { readFileSync, writeFileSync } from 'node:fs'
import { describeConfig } from '../dist/src/config/index.js'
import { describeRecords } from '../dist/src/record/index.js'
import { describeFixtures } from '../dist/test/docs/parity.js'

for (const [file, tables] of [['docs/config.md', describeConfig()], ['docs/results.md', describeRecords()], ['docs/fixtures.md', await describeFixtures()]]) {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.slice(0, text.indexOf('\n## ') + 1) + tables)
}
