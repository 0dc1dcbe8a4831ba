// Runs the built tests, as many files at a time as there are cores: `node --test` leaves one core idle, which is half of
// two. A file that fails makes the exit code 1.
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec, tap } from 'node:test/reporters'

const files = readdirSync('dist/test', { recursive: true })
  .filter((f) => f.endsWith('.test.js'))
  .map((f) => `dist/test/${f}`)
run({ files: files.sort(), concurrency: availableParallelism() })
  .on('test:fail', ({ todo }) => {
    if (!todo) process.exitCode = 1
  })
  .compose(process.stdout.isTTY ? new spec() : tap)
  .pipe(process.stdout)
