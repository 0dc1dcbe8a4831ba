// `npm run fuzz`: changed files of every kind, some thousands of each; what is neither read nor refused in one clear line is
// shown with the number that makes it again (`--kind config --first 17 --runs 1`). Exit code 1 where there is any.
import { parseArgs } from 'node:util'
import { runCommands } from './commands.js'
import { KINDS } from './kinds.js'
import { runKind, type Tally } from './run.js'

const { values } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true },
    runs: { type: 'string', default: '2000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    /** Of each kind, this many go through the command line too. */
    commands: { type: 'string', default: '8' },
    /** So many findings of a kind are shown. */
    show: { type: 'string', default: '10' },
  },
})
const [runs, first, seed, commands, show] = [values.runs, values.first, values.seed, values.commands, values.show].map(
  Number,
)

let bad = 0
function tell(name: string, { counts, findings }: Tally): void {
  process.stdout.write(
    `${name}: ${Object.entries(counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}\n`,
  )
  bad += findings.length
  for (const { number, kind, what, text } of findings.slice(0, show))
    process.stdout.write(`  ${kind} ${number} (${what}): ${text.replace(/\n/g, '\n    ').slice(0, 1500)}\n`)
}

const chosen = KINDS.filter(({ name }) => !values.kind || values.kind.includes(name))
for (const kind of chosen) {
  if (runs) tell(kind.name, await runKind(kind.name, { runs, first, seed: seed! }))
  if (commands) tell(`${kind.name}, command line`, await runCommands(kind, { runs: commands, seed: seed! }))
}
process.stdout.write(bad ? `${bad} findings\n` : 'nothing found\n')
process.exitCode = bad ? 1 : 0
