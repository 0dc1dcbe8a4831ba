// What stands between a machine and TensorFlow's own library, and what to do next.
import { UserError } from '../errors/index.js'
import { type BackendInfo, findBindings } from '../tensor/index.js'
import { findCompiler } from './compile.js'
import { hasNvidia } from './download.js'
import { checkPlatform, type Platform, readPlatform } from './platform.js'
import { findInPython, lackOfPython, pythonsOf } from './tensorflow.js'

/** What was looked at, in words, and sentences about what to do. */
export interface Prospect {
  facts: Record<string, string>
  advice: string[]
}

/** What is on a machine; `found` computes now. */
interface Machine {
  platform?: Platform
  environment?: NodeJS.ProcessEnv
  /** Whether a driver of NVIDIA runs. */
  nvidia?: boolean
}

const CUDA =
  "`pip install 'tensorflow[and-cuda]'` and `deltalab native install`, or `deltalab native install --download --cuda`"

/** The way to the fastest backend. */
export async function prospectOf(found: BackendInfo, machine: Machine = {}): Promise<Prospect> {
  const { platform = readPlatform(), environment = process.env, nvidia = hasNvidia() } = machine
  const [binding] = findBindings()
  const state = binding ? (binding.fault ?? `TensorFlow ${binding.tensorflow} in ${binding.folder}`) : 'none installed'
  const facts: Record<string, string> = { native: state }
  if (found.name === 'tensorflow') facts.device = found.gpu ?? 'processor'
  if (nvidia) facts.nvidia = 'a driver runs'
  if (found.name === 'tensorflow')
    return {
      facts,
      advice: nvidia && !found.gpu ? [`TensorFlow does not use the graphics card of NVIDIA: ${CUDA}.`] : [],
    }
  if (binding && !binding.fault && !found.note)
    return { facts, advice: ['TensorFlow is installed and not used: --backend auto or tensorflow uses it.'] }
  const refused = await refusal(async () => checkPlatform(platform))
  if (refused) return { facts, advice: [`${refused}.`] }
  const lacks = await refusal(() => findCompiler(environment.CXX))
  facts.compiler = lacks ? 'none for C++' : 'there'
  const pythons = pythonsOf(environment)
  const tensorflow = await findInPython(pythons)
  const bare = tensorflow ? null : await lackOfPython(pythons)
  facts['in python'] = tensorflow ? tensorflow.folder : bare ? 'no Python' : 'no TensorFlow'
  const how = nvidia ? CUDA : `\`deltalab native install${tensorflow ? '`' : ' --download` (0.8 GB)'}`
  const gain = 'faster matrix products and no 4 GiB limit'
  return {
    facts,
    advice: [
      ...[lacks, bare].filter((lack) => lack).map((lack) => `First: ${lack}.`),
      `${how} makes TensorFlow's own library the backend: ${gain}.`,
    ],
  }
}

/** Why something is refused; null where it is not. */
async function refusal(check: () => Promise<unknown>): Promise<string | null> {
  try {
    await check()
    return null
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
}
