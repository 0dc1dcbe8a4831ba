// A folder of peft used as a post-trained model: a view of its base whose changed tensors are those of merge_and_unload,
// computed when they are read.
import { existsSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { LITE_TYPE } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { changeLines } from './adapter-change.js'
import {
  ADAPTER_CONFIG,
  ADAPTER_TORCH,
  ADAPTER_WEIGHTS,
  type AdapterConfig,
  MLX_WEIGHTS,
  readAdapterConfig,
} from './adapter-config.js'
import { matchAdapter } from './adapter-match.js'
import { type Checkpoint, WEIGHT_FILES } from './checkpoint.js'
import { withComputed } from './computed-tensors.js'
import { openCheckpoint } from './folder.js'
import { describeFolder } from './foreign.js'
import { hashFile } from './hash.js'
import { withLite } from './parameter-lite.js'
import { openWeights } from './single.js'

const has = (folder: string, name: string): boolean => existsSync(join(folder, name))
const hasWeights = (folder: string): boolean => WEIGHT_FILES.some((name) => has(folder, name))

/** An adapter alone; trainers leave the base's config.json and tokenizer beside it. */
export const isAdapter = (folder: string): boolean => has(folder, ADAPTER_CONFIG) && !hasWeights(folder)

/** Where all is that a model needs besides its weights: its folder, or its base's. */
export const homeOf = ({ home, folder }: Checkpoint): string => home ?? folder

/** Where a model's config.json and tokenizer are: its folder, or its base's. */
export const companionsOf = ({ companions, folder }: Checkpoint): string => companions ?? folder

/** Paths that a model is read from. */
export const sourcesOf = (checkpoint: Checkpoint): readonly string[] =>
  checkpoint.sources ?? [checkpoint.folder, homeOf(checkpoint)]

/** Folder of what a model's input is made with: its tokenizer or preprocessor. @throws UserError where its file describes none that is read */
export function inputsOf(checkpoint: Checkpoint): string {
  if (checkpoint.tokenizerFault !== undefined) throw new UserError(checkpoint.tokenizerFault)
  return companionsOf(checkpoint)
}

/** Opens a model by its folder. One that holds whole weights and an adapter is these weights with the adapter, as transformers reads it. */
export async function openFolder(folder: string): Promise<Checkpoint> {
  const whole = await openCheckpoint(folder)
  if (!has(folder, ADAPTER_CONFIG)) return whole
  try {
    const adapted = await openAdapter(folder, whole)
    return {
      ...adapted,
      notes: [
        ...adapted.notes,
        `${folder}: holds whole weights and an adapter; the adapter is applied to them, as transformers does`,
      ],
      hashes: async (hash) => ({ ...(await whole.hashes(hash)), ...(await adapted.hashes(hash)) }),
      close: async () => void (await Promise.all([adapted.close(), whole.close()])),
    }
  } catch (error) {
    await whole.close()
    throw error
  }
}

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
        /\.(safetensors|bin)$/.test(name) && !/^(training_args|optimizer|scheduler|pytorch_model_fsdp)/.test(name),
    )
  const hint = files.length
    ? `; ${files.join(', ')} ${files.length === 1 ? 'is' : 'are'} there: name the file of the adapter ${names.find((name) => extname(name) === extname(files[0]!)) ?? names[0]}`
    : others.length
      ? describeFolder(folder, others)
      : ''
  throw new UserError(`${folder}: ${ADAPTER_CONFIG} is there without ${names.join(' or ')}${hint}`)
}

/**
 * The base with the adapter applied, in float32; formats and names are those of the base.
 * @throws UserError: a kind of adapter that is not read, or a tensor that does not fit the base
 */
export async function openAdapter(folder: string, given: Checkpoint): Promise<Checkpoint> {
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
