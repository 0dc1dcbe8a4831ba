// `deltalab native`: TensorFlow's own library as the backend, from the wheel of Python.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { expandPath } from '../../schema/index.js'
import { note, printResult, startPhase, warn } from '../messages.js'
import { AS_JSON } from '../options.js'

export const command = 'native <action>'

const ACTIONS = ['install', 'status', 'remove'] as const

export function builder(cli: Argv) {
  return cli
    .positional('action', {
      choices: ACTIONS,
      demandOption: true as const,
      describe: 'install finds TensorFlow and compiles the binding; status shows what is there; remove removes it',
    })
    .option('tensorflow', {
      type: 'string',
      coerce: expandPath,
      describe: 'Folder of TensorFlow: that of a wheel, a Python environment, or an unpacked libtensorflow',
    })
    .option('python', {
      type: 'string',
      describe: 'Python whose TensorFlow is taken; default that of the active environment, then python3',
    })
    .option('download', { type: 'boolean', describe: 'Fetch TensorFlow with pip where no Python has one (0.8 GB)' })
    .option('cuda', {
      type: 'boolean',
      describe: 'With --download: the build for NVIDIA graphics cards (several GB); default where their driver runs',
    })
    .option('json', AS_JSON)
    .conflicts('tensorflow', ['python', 'download'])
    .example('deltalab native install', 'with the TensorFlow of the active Python environment, or of python3')
    .example('deltalab native install --download', 'with one that pip fetches, which nothing else uses')
    .example('deltalab native status', 'the version of TensorFlow and its device')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ action, json, ...options }: Args): Promise<void> {
  const given = (['tensorflow', 'python', 'download', 'cuda'] as const).find((name) => options[name] !== undefined)
  if (action !== 'install' && given)
    throw new UserError(`--${given} belongs to install, not to ${action}`, { exitCode: 2 })
  const { bindingsFolder, findBindings } = await import('../../tensor/index.js')
  if (action === 'status') {
    const bindings = findBindings()
    printResult(json, { folder: bindingsFolder(), bindings }, statusText(bindings))
    return
  }
  const { hasNvidia, installBinding, removeBindings } = await import('../../native/index.js')
  if (action === 'remove') {
    const removed = removeBindings()
    const names = removed.map(({ folder }) => `${folder}: removed\n`).join('')
    printResult(json, { removed }, names || `nothing is installed in ${bindingsFolder()}\n`)
    return
  }
  startPhase('install TensorFlow')
  const { binding, warnings } = await installBinding(options)
  for (const text of warnings.trim().split('\n').filter(Boolean)) warn(text)
  printResult(json, binding, statusText([binding]))
  if (binding.gpu === null && hasNvidia())
    warn('a driver of NVIDIA runs, and TensorFlow does not use its graphics card; see deltalab doctor')
  note('later commands use it: --backend auto is tensorflow now')
}

/** One paragraph for each. */
function statusText(bindings: readonly import('../../tensor/index.js').Binding[]): string {
  if (!bindings.length) return 'no binding to TensorFlow is installed; deltalab native install does it\n'
  return bindings
    .map(({ folder, tensorflow, libraries, gpu, fault, made, cuda }, index) => {
      const facts = {
        binding: folder,
        state: fault ?? (index ? 'not used: a newer one is there' : 'used by --backend auto'),
        tensorflow: `${tensorflow} (${libraries.at(-1) ?? 'unknown'})`,
        device: gpu ?? 'processor',
        ...(cuda.length && { cuda: `${cuda.length} libraries of NVIDIA's packages` }),
        made,
      }
      return Object.entries(facts)
        .map(([name, value]) => `${name.padEnd(16)} ${value}\n`)
        .join('')
    })
    .join('\n')
}
