// Where a recipe starts: the weights of a model, drawn or read, and what it adds to them.
import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { liteSchema, liteStart, PARAMETER_LITE, type ParameterLite } from '../adapters/index.js'
import { type Checkpoint, isAdapter } from '../checkpoint/index.js'
import type { Training } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { modelFolder } from '../hub/index.js'
import { checkClass, loadModel, modelOf, spellingIn, takesLite } from '../models/index.js'
import { track } from '../progress/index.js'
import { openModel } from '../sources/index.js'
import { drawWeights, layoutOf } from './layout.js'
import type { StartingPoint } from './tuning.js'

/** The starting weights, and the config.json that the result carries. */
export async function startingPoint(recipe: Training, root: string): Promise<Omit<StartingPoint, 'companions'>> {
  const baseOf = (out: string): string => {
    const folder = modelFolder(recipe.from!, root)
    return existsSync(folder) ? relative(out, folder) : recipe.from!
  }
  if (recipe.model && !recipe.from) {
    const model = loadModel(recipe.model)
    const { spans } = layoutOf(model)
    const weights = drawWeights(spans, { ...model, seed: recipe.seed })
    const nothing = { configText: null, stored: new Map(), lite: null }
    return { recipe, config: recipe.model, model, spans, weights, baseOf, ...nothing }
  }
  const checkpoint = await openModel(recipe.from!, {
    root,
    check: (config, reference) => checkClass({ ...config, ...recipe.model }, reference),
  })
  try {
    if (!checkpoint.config) throw new UserError(`${recipe.from}: config.json is missing`)
    if (['lora', 'prompt', 'palt'].includes(recipe.tuning) && isAdapter(checkpoint.folder))
      throw new UserError(
        `${recipe.name}: ${recipe.from} is an adapter, and \`${recipe.tuning}\` writes an adapter of a whole model; give its base, or merge it into a whole model first`,
      )
    if (['lora', 'prompt', 'palt'].includes(recipe.tuning) && checkpoint.sources)
      throw new UserError(
        `${recipe.name}: ${recipe.from} is a delta file, and \`${recipe.tuning}\` writes an adapter that names its base as a folder: make the folder with deltalab apply first`,
      )
    const lite = liteFor(recipe, checkpoint)
    const config = { ...checkpoint.config, ...recipe.model, ...(lite && { [PARAMETER_LITE]: lite }) }
    const stored = recipe.model ? null : modelOf(checkpoint, recipe.from!)
    const model = lite || !stored ? loadModel(config) : stored
    const { spans, length } = layoutOf(model)
    const weights = recipe.model ? drawWeights(spans, { ...model, seed: recipe.seed }) : new Float32Array(length)
    if (lite) {
      const known = layoutOf(loadModel(checkpoint.config)).spans.map(({ name }) => name)
      const added = spans.filter(({ name }) => !known.includes(name))
      const values = liteStart(lite, new Map(added.map(({ name, shape }) => [name, shape])))
      for (const { name, begin } of added) weights.set(values.get(name)!, begin)
    }
    await readWeights(checkpoint, config, spans, weights)
    const { configText, tensors } = checkpoint
    return { recipe, config, configText, model, spans, weights, stored: tensors, lite, baseOf }
  } finally {
    await checkpoint.close()
  }
}

/** Reads the tensors that the checkpoint has in the model's shapes. */
async function readWeights(
  checkpoint: Checkpoint,
  config: Record<string, unknown>,
  spans: StartingPoint['spans'],
  weights: Float32Array,
): Promise<void> {
  // A new head's class may call the backbone otherwise than a file without a head does.
  const spelling = spellingIn(checkpoint.tensors.keys(), config)
  const found = spans.flatMap((span) => {
    const from = checkpoint.tensors.get(spelling(span.name) ?? span.name)
    return String(from?.shape) === String(span.shape) ? [{ ...span, from: from!.name }] : []
  })
  const bytes = found.reduce((sum, { begin, end }) => sum + 4 * (end - begin), 0)
  await track({ name: 'read the weights', unit: 'bytes', total: bytes }, async ({ add }) => {
    for (const { from, begin, end } of found) {
      weights.set(await checkpoint.read(from), begin)
      add(4 * (end - begin))
    }
  })
}

/**
 * The encoder that the recipe trains; null for other tunings. Its layers are the one in the middle and the last, as the authors'
 * program has them, unless the recipe names others.
 * @throws UserError for a model that is no BERT, and for one that has such an encoder
 */
function liteFor({ name, tuning, prompt, palt, ...recipe }: Training, { config }: Checkpoint): ParameterLite | null {
  if (tuning !== 'prompt' && tuning !== 'palt') return null
  if (config!.model_type !== 'bert')
    throw new UserError(
      `${name}: \`tuning: ${tuning}\` is for encoders of the kind bert, and the model is ${JSON.stringify(config!.model_type)}`,
    )
  const style = String([config!.architectures].flat()[0])
  if (!takesLite(style))
    throw new UserError(
      `${name}: \`tuning: ${tuning}\` is for BertForNextSentencePrediction and BertForSequenceClassification, and the model is ${style}`,
    )
  if ((config![PARAMETER_LITE] ?? null) !== null)
    throw new UserError(`${name}: the model has a ${PARAMETER_LITE} already; give the model without it`)
  // PyTorch takes the seed so.
  const seed = recipe.seed % 2 ** 32
  if (tuning === 'prompt') return liteSchema.parse({ prompt, seed })
  const count = Number(config!.num_hidden_layers)
  const layers = palt?.layers ?? [...new Set([Math.floor(count / 2), count - 1])]
  const beyond = layers.find((i) => i >= count)
  if (beyond !== undefined)
    throw new UserError(`${name}: palt.layers names layer ${beyond}, and the model has layers 0 to ${count - 1}`)
  return liteSchema.parse({ prompt, prompt_inner: palt?.prompt_inner ?? 512, embedding: true, layers, seed })
}
