// Runs the built tests, as many files at a time as there are cores: `node --test` leaves one core idle, which is half of
// two. They are bundled first: most of the time of a small file would go into loading modules. A file that fails makes the
// exit code 1.
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec, tap } from 'node:test/reporters'
import { bundleTests } from './bundle.mjs'

run({ files: await bundleTests(), concurrency: availableParallelism() })
  .on('test:fail', ({ todo }) => {
    if (!todo) process.exitCode = 1
  })
  .compose(process.stdout.isTTY ? new spec() : tap)
  .pipe(process.stdout)
