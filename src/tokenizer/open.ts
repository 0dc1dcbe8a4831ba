// Opens a tokenizer file: with the reference's own core where it is installed, else with its JavaScript port.
import { getEnvironmentData, isMainThread, threadId } from 'node:worker_threads'
import { loadCore, openCore } from './core.js'
import type { Engine } from './engine.js'
import { checkFaults } from './faults.js'
import type { TokenizerFile } from './file.js'

let said = false

/**
 * One line on stderr, once, where the port stands in.
 * @throws Error for what is no tokenizer; UserError for one that the core fails on, or a part that the port gets wrong
 */
export async function openEngine(file: TokenizerFile): Promise<Engine> {
  checkFaults(file)
  const core = loadCore()
  if (!(core instanceof Error)) return openCore(core, file)
  const { openPort } = await import('./port.js')
  // Of the threads of a program one says it: the main one, or that of the command (src/cli/worker.ts).
  const speaks = isMainThread || getEnvironmentData('deltalab command') === threadId
  if (!said && speaks) process.stderr.write(`note: ${adviseOn(core)}\n`)
  said = true
  return openPort(file)
}

const adviseOn = (error: Error) =>
  `the npm package tokenizers cannot be used here (${error.message.split(/[.\n]/)[0]}); its JavaScript port stands in, which is slower and refuses some tokenizers`

/** What `deltalab doctor` says: which of the two is used, and what would be better. */
export function describeEngine(): { tokenizers: string; advice: string[] } {
  const core = loadCore()
  if (!(core instanceof Error)) return { tokenizers: `the reference's core`, advice: [] }
  return {
    tokenizers: 'the JavaScript port',
    advice: [`npm install --include=optional installs the reference's tokenizers: ${adviseOn(core)}.`],
  }
}
