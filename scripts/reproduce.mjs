// `npm run reproduce [name …]`: every experiment of configs/ again, into results/<name>. Finished runs are not repeated.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** What runs a file of configs/ that is not an experiment of `sweep`. */
const COMMANDS = { 'zeroth-order': 'zeroth' }
/** The part of the family that an experiment needs and the repository does not hold. */
const TRAINED = { 'partial-masking': 'isc', palt: 'knowledge' }
const known = readdirSync('configs')
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -5))
for (const name of process.argv.slice(2).length ? process.argv.slice(2) : known) {
  const run = (...words) => {
    const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
  }
  if (TRAINED[name]) run('dist/family/main.js', '--only', TRAINED[name])
  run('dist/bundle/cli/main.js', COMMANDS[name] ?? 'sweep', `configs/${name}.yaml`)
}
