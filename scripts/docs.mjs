// Writes the generated parts of the documents: the speeds of the README, the tables of docs/ from schemas, lists and runs of the reference cases, and the
// list of tests. Run it after a build when a schema, an editor, a merger or a test file changed.
//   node scripts/docs.mjs [architectures]   (of docs/ those of these names alone)
import { readFileSync, writeFileSync } from 'node:fs'
import { describeCompress, readCompress } from '../dist/bench/compress-results.js'
import { describeCompute, readCompute } from '../dist/bench/compute-results.js'
import { readResults } from '../dist/bench/merge-results.js'
import { describeSpeed } from '../dist/bench/merge-table.js'
import { describeConfig, describeTraining } from '../dist/src/config/index.js'
import { describeEditors } from '../dist/src/editors/describe.js'
import { describeMergers } from '../dist/src/mergers/describe.js'
import { describeRecords } from '../dist/src/record/index.js'
import { describeTasks } from '../dist/src/tasks/index.js'
import { describeArchitectures } from '../dist/test/docs/architectures.js'
import { describeCompatibility } from '../dist/test/docs/compatibility.js'
import { describeFixtures } from '../dist/test/docs/parity.js'
import { describeTests } from '../dist/test/docs/tests.js'

const wanted = process.argv.slice(2)
if (!wanted.length) {
  const compute = readCompute()
  if (compute) writeFileSync('results/bench/compute.md', describeCompute(compute))
  const compress = readCompress()
  if (compress) writeFileSync('results/bench/compress.md', describeCompress(compress))
  writeFileSync('test/README.md', describeTests())
  writeFileSync(
    'README.md',
    readFileSync('README.md', 'utf8').replace(/(?<=## Speed\n\n)[^[]*/, () => describeSpeed(readResults())),
  )
}
for (const [name, describe] of Object.entries({
  config: describeConfig,
  training: describeTraining,
  results: describeRecords,
  editors: describeEditors,
  tasks: describeTasks,
  mergers: describeMergers,
  fixtures: describeFixtures,
  architectures: describeArchitectures,
  compatibility: describeCompatibility,
}).filter(([name]) => !wanted.length || wanted.includes(name))) {
  const file = `docs/${name}.md`
  const tables = await describe()
  const text = readFileSync(file, 'utf8')
  // Everything from the first heading of the tables on.
  const at = text.indexOf(`\n${tables.slice(0, tables.indexOf('\n'))}\n`)
  if (at < 0) throw new Error(`${file} has no place for ${tables.split('\n')[0]}`)
  writeFileSync(file, text.slice(0, at + 1) + tables)
}
