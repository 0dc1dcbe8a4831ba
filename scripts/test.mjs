// Runs the built tests, as many files at a time as there are cores: `node --test` leaves one core idle, which is half of
// two. They are bundled first: most of the time of a small file would go into loading modules. A file that fails makes the
// exit code 1. Temporary folders lie in one of this run, so that a test that is killed leaves none.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec, tap } from 'node:test/reporters'
import { bundleTests } from './bundle.mjs'

const scratch = mkdtempSync(join(tmpdir(), 'deltalab-tests-'))
process.env.TMPDIR = scratch
process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

run({ files: await bundleTests(), concurrency: availableParallelism() })
  .on('test:fail', ({ todo }) => {
    if (!todo) process.exitCode = 1
  })
  .compose(process.stdout.isTTY ? new spec() : tap)
  .pipe(process.stdout)
