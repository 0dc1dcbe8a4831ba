// `npm run reproduce [name …]`: every experiment of configs/ again, into results/<name>. Finished runs are not repeated.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** What runs a file of configs/ that is not an experiment of `sweep`. */
const COMMANDS = { 'zeroth-order': 'zeroth' }
const known = readdirSync('configs')
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -5))
for (const name of process.argv.slice(2).length ? process.argv.slice(2) : known) {
  const { status } = spawnSync(
    process.execPath,
    ['dist/bundle/cli/main.js', COMMANDS[name] ?? 'sweep', `configs/${name}.yaml`],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exit(status ?? 1)
}
