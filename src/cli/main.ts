#!/usr/bin/env node
// The program `deltalab`: one call of the command line, with its signals and its exit code.
import { callCommand } from './call.js'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Exit normally, so that what is partly written is removed, or kept to go on with. Commands with their own listener (sweep) end by themselves.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(code)
  })
}

const code = await callCommand(process.argv.slice(2))
// Wait until everything is flushed: an exit would discard what is still in a full pipe.
await new Promise((done) => process.stdout.write('', done))
if (code !== 0) process.exit(code)
