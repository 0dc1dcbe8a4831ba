// `deltalab doctor`: what this machine offers and what would make it faster.

import os from 'node:os'
import type { Argv } from 'yargs'
import type { BackendName } from '../../tensor/index.js'
import { print, startBackend } from '../messages.js'
import { AS_JSON, BACKEND } from '../options.js'

export const command = 'doctor'

export function builder(cli: Argv) {
  return cli
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example('deltalab doctor', 'the backend that a sweep would use')
}

export async function handler(args: { json: boolean; backend: BackendName }): Promise<void> {
  const [{ readEnvironment }, { describeEngine }, { prospectOf }] = await Promise.all([
    import('../../record/index.js'),
    import('../../tokenizer/index.js'),
    import('../../native/index.js'),
  ])
  const backend = await startBackend(args.backend)
  const native = await prospectOf(backend)
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const { cores, ...environment } = readEnvironment()
  const { tokenizers, advice: more } = describeEngine()
  const facts = {
    ...environment,
    backend: backend.name,
    provider: backend.package,
    ...native.facts,
    threads: `${os.availableParallelism()} of ${cores} cores`,
    tokenizers,
    memory: `${gigabytes(os.freemem())} free of ${gigabytes(os.totalmem())}`,
  }
  const advice = [...native.advice, ...adviceFor(backend.name, os.availableParallelism(), os.freemem()), ...more]
  if (args.json) {
    print(`${JSON.stringify({ ...facts, advice }, null, 2)}\n`)
    return
  }
  for (const [name, value] of Object.entries(facts)) print(`${name.padEnd(16)} ${value}\n`)
  for (const line of advice) print(`\n- ${line}\n`)
}

/** One sentence for each thing that would make this machine faster. */
function adviceFor(backend: string, cores: number, free: number): string[] {
  const advice: string[] = []
  if (!['tensorflow', 'webgpu'].includes(backend))
    advice.push(
      'npm install --no-save @tensorflow/tfjs-backend-webgpu@4.22.0 webgpu lets --backend webgpu use a GPU without CUDA.',
    )
  if (backend === 'cpu')
    advice.push('The plain JavaScript backend is 10 to 50 times slower than wasm; use --backend wasm.')
  if (backend !== 'tensorflow' && cores > 1)
    advice.push(`sweep --jobs ${cores} runs one worker per core; this is the default.`)
  if (free < 2 * 2 ** 30) advice.push('Less than 2 GiB of memory is free: use fewer --jobs.')
  return advice
}
