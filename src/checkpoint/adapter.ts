// A folder of peft used as a post-trained model: a view of its base whose changed tensors are those of merge_and_unload,
// computed when they are read.
import { existsSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { LITE_TYPE } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { changeLines } from './adapter-change.js'
import { ADAPTER_TORCH, ADAPTER_WEIGHTS, type AdapterConfig, MLX_WEIGHTS, readAdapterConfig } from './adapter-config.js'
import { matchAdapter } from './adapter-match.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { withComputed } from './computed-tensors.js'
import { describeFolder } from './foreign.js'
import { hashFile } from './hash.js'
import { companionsOf, homeOf } from './home.js'
import { withLite } from './parameter-lite.js'
import { openWeights } from './single.js'

const has = (folder: string, name: string): boolean => existsSync(join(folder, name))

/** The name of the file with the weights. @throws UserError that says what is there instead */
function weightsIn(folder: string, { mlx }: AdapterConfig): string {
  const names = mlx ? [MLX_WEIGHTS] : [ADAPTER_WEIGHTS, ADAPTER_TORCH]
  const found = names.find((name) => has(folder, name))
  if (found !== undefined) return found
  const others = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== ADAPTER_CONFIG)
  const files = others
    .map(({ name }) => name)
    .filter(
      (name) =>
        /\.(safetensors|bin|pth?)$/.test(name) &&
        !/^(training_args|optimizer|scheduler|scaler|rng_state|random_states|pytorch_model_fsdp)/.test(name),
    )
  const hint = files.length
    ? `; ${files.join(', ')} ${files.length === 1 ? 'is' : 'are'} there: name the file of the adapter ${extname(files[0]!) === '.safetensors' ? names[0] : names.at(-1)}`
    : others.length
      ? describeFolder(folder, others)
      : ''
  throw new UserError(`${folder}: ${ADAPTER_CONFIG} is there without ${names.join(' or ')}${hint}`)
}

/**
 * The base with the adapter applied, in float32; formats and names are those of the base.
 * @throws UserError: a kind of adapter that is not read, or a tensor that does not fit the base
 */
export async function applyAdapter(folder: string, given: Checkpoint): Promise<Checkpoint> {
  const config = await readAdapterConfig(folder)
  const stored = weightsIn(folder, config)
  const file = join(folder, stored)
  const weights = await openWeights(file)
  const own = {
    folder,
    hashes: async (hash = hashFile) =>
      Object.fromEntries(
        await Promise.all([ADAPTER_CONFIG, stored].map(async (name) => [name, await hash(join(folder, name))])),
      ),
    close: () => weights.close(),
  }
  try {
    const companions = (base: Checkpoint) => (has(folder, 'tokenizer.json') ? folder : companionsOf(base))
    if (config.peft_type === LITE_TYPE) {
      const view = withLite(file, config.given, weights, given)
      return { ...view, ...own, home: homeOf(given), companions: companions(given) }
    }
    const { base, apart, changes, notes } = await matchAdapter(file, config, weights, given)
    // A stored copy of a tied weight is what its source becomes.
    for (const [copy, source] of base.tied) if (changes.has(source)) changes.set(copy, changes.get(source)!)
    const shapes = new Map([...changes.keys()].map((name) => [name, base.tensors.get(name)!.shape]))
    return {
      ...withComputed(base, shapes, (name, lines) => changeLines(changes.get(name)!, name, { base, weights }, lines)),
      apart,
      notes: [...base.notes, ...config.notes, ...notes],
      home: homeOf(base),
      companions: companions(base),
      ...own,
    }
  } catch (error) {
    await weights.close()
    throw error
  }
}
