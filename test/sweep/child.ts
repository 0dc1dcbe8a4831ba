// A sweep in a process of its own, to be killed: `node child.js <folder> <runs per edit>`; says `row` for each row written.
import { executePlan } from '../../src/sweep/execute.js'
import { backend, edit, experiment, fakeWorker, planned } from '../plan/plans.js'

const [folder, seeds] = process.argv.slice(2)
const given = experiment(
  [edit('x', 0.5), edit('y', 0.9)],
  Array.from({ length: Number(seeds) }, (_, i) => i),
)
const { runs, from } = planned(given)
await executePlan(given, runs, from, {
  folder: folder!,
  jobs: 2,
  backend,
  worker: fakeWorker,
  onRow: (_, { found }) => found || process.stdout.write('row\n'),
})
