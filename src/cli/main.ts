#!/usr/bin/env node
// The program `deltalab`. What only says words, such as help, is said by this thread, without what stops and shows work. So are commands
// run that leave long work to others; all others get a thread of their own.
import module from 'node:module'
import { join } from 'node:path'
import { cacheFolder } from '../files/index.js'
import { stdoutFault } from './stdout.js'
import { asksForWords, isOn, leavesWork } from './words.js'

const words = process.argv.slice(2)
// Where Node can (from 22.1): it keeps what it compiled for the next call, which saves 30 ms of each.
const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => unknown }
enableCompileCache?.(join(cacheFolder(), 'compiled'))
// TensorFlow's native code reads the variables of the process itself, of which a thread has a copy only.
process.env.TF_CPP_MIN_LOG_LEVEL ??= isOn('verbose', words) ? '0' : '1'
if (asksForWords(words)) {
  process.stdout.on('error', (error) => {
    const { text, exitCode } = stdoutFault(error)
    if (text) process.stderr.write(`${text}\n`)
    process.exit(exitCode)
  })
  const { callCommand } = await import('./call.js')
  process.exitCode = await callCommand(words)
} else if (leavesWork(words)) await import('./main-thread.js')
else await import('./command-thread.js')
