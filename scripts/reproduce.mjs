// `npm run reproduce [name …]`: every experiment of configs/ again, into results/<name>. Finished runs are not repeated.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** What runs a file of configs/ that is not an experiment of `sweep`. */
const COMMANDS = { 'zeroth-order': 'zeroth' }
/** The part of the family that an experiment needs and the repository does not hold. */
const TRAINED = { 'partial-masking': 'isc', palt: 'knowledge' }
/** What fetches or makes the models of an experiment that the repository does not hold. Without a network such an experiment is left out. */
const FETCHED = {
  'real-encoder': ['fetch'],
  'real-encoder-random': ['fetch'],
  'real-encoder-tensors': ['fetch', 'derived'],
  'real-encoder-decay': ['fetch', 'derived'],
  'real-encoder-merges': ['fetch', 'derived'],
}
const known = readdirSync('configs')
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -5))
for (const name of process.argv.slice(2).length ? process.argv.slice(2) : known) {
  const spawn = (...words) => spawnSync(process.execPath, words, { stdio: 'inherit' }).status
  const run = (...words) => {
    const status = spawn(...words)
    if (status !== 0) process.exit(status ?? 1)
  }
  const missing = (FETCHED[name] ?? []).some((script) => spawn(`experiments/real-encoder/${script}.mjs`) !== 0)
  if (missing) {
    process.exitCode = 1
    continue
  }
  if (TRAINED[name]) run('dist/family/main.js', '--only', TRAINED[name])
  run('dist/bundle/cli/main.js', COMMANDS[name] ?? 'sweep', `configs/${name}.yaml`)
}
