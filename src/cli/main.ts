#!/usr/bin/env node
// The program `deltalab`. What only says words, such as help, is said by this thread, without what stops and shows work.
import { stdoutFault } from './stdout.js'
import { asksForWords } from './words.js'

const words = process.argv.slice(2)
if (asksForWords(words)) {
  process.stdout.on('error', (error) => {
    const { text, exitCode } = stdoutFault(error)
    if (text) process.stderr.write(`${text}\n`)
    process.exit(exitCode)
  })
  const { callCommand } = await import('./call.js')
  process.exitCode = await callCommand(words)
} else await import('./command-thread.js')
