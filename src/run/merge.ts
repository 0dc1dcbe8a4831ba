// Applies one merge: edits and combines the deltas of its posts. The result counts as the edited delta of the measured pair.
import { checkLite, hasOutput, matricesOf, matrixLayout, underNamesOf, untie } from '../checkpoint/index.js'
import { type MergeEdit, type ModelPair, postName } from '../config/index.js'
import { type Step, scanModel, sumChange } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { drawKey, editPart, toDelta, wantsDeltas } from '../merge/index.js'
import { mergeValues, parseMerging, scanModels } from '../mergers/index.js'
import type { MergerData } from '../plan/index.js'
import { track } from '../progress/index.js'
import { openModels } from '../sources/index.js'
import { countEntries } from '../tensor/index.js'
import { type HeldModel, holdModel } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'

export interface MergeSettings {
  seed: number | null
  /** Data of each post, such as Fisher information; empty if the merger needs none. */
  data: readonly MergerData[]
  /** Called with a sentence when an editor or the merger degenerates. */
  warn: (text: string) => void
}

/**
 * Merges all tensors that base and posts share. Random draws are keyed by post and tensor, as in `deltalab merge`: each
 * post has its own masks, and the order of the posts does not matter.
 */
export async function applyMerge(
  home: LoadedPair,
  edit: MergeEdit,
  { seed, data, warn }: MergeSettings,
): Promise<HeldModel> {
  const { merger: name, convention, options, modelOptions, posts } = edit.merge
  const merger = home.registry.merger(name)
  const merging = parseMerging(merger, { convention, options, models: [...modelOptions] })
  const steps = home.registry.steps(edit.steps)
  const deltas = wantsDeltas(merger, true)
  const models: Map<string, Float32Array>[] = []
  for (const post of posts) models.push(await readPost(home, post, { steps, seed: seed ?? 0, deltas, warn }))
  const parts = home.select(edit.tensors).map((tensor) => {
    const { shape, role } = home.tensor(tensor)
    const given = data.map((each) => each.get(tensor))
    return {
      name: tensor,
      shape,
      ...matrixLayout(tensor, shape, home.stored.config),
      models: models.map((each) => each.get(tensor)!),
      embedding: role === 'embedding',
      ...(given.length > 0 && given.every((each) => each !== undefined) && { given }),
    }
  })
  const walk = async function* () {
    yield* parts
  }
  const scannedModels = await scanModels(merging, walk, warn)
  return holdModel(home, async (take) => {
    const combine = async (part: (typeof parts)[number]) => {
      const { base, delta, post } = home.tensor(part.name)
      const merged = await mergeValues({ ...merging, scannedModels }, part, base, { warn })
      const sums = sumChange(delta, deltas ? merged : toDelta(merged.slice(), base))
      const { changeSquares } = deltas ? sums : sumChange((await post.data()) as Float32Array, merged)
      const counts = { kept: sums.kept, deltaSquares: sums.inputSquares, changeSquares, bits: null }
      await take(part.name, deltas ? 'delta' : 'weights', merged, counts)
    }
    const total = parts.reduce((sum, { shape }) => sum + countEntries(shape), 0)
    await track({ name: 'merge', unit: '%', total }, async ({ add }) => {
      for (const part of parts) {
        await combine(part)
        add(countEntries(part.shape))
      }
    })
  })
}

interface How {
  steps: readonly Step[]
  seed: number
  /** Whether the merger takes the edited deltas, or the edited weights. */
  deltas: boolean
  warn: (text: string) => void
}

/** The edited tensors of one post, by name. */
async function readPost(
  { pair, stored, select, tensor: loaded }: LoadedPair,
  post: ModelPair,
  { steps, seed, deltas, warn }: How,
): Promise<Map<string, Float32Array>> {
  const [baseFiles, opened] = await openModels(pair.baseFolder, post.postFolder)
  try {
    checkLite({ config: stored.config, folder: pair.postFolder }, opened)
    const found = new Map<string, Float32Array>()
    const names = select({ include: [], exclude: [] })
    const spelled = underNamesOf(stored, opened)
    const checkpoint = untie(
      spelled,
      names.filter((name) => !spelled.tensors.has(name)),
    )
    const own = hasOutput(checkpoint).find((name) => !stored.tensors.has(name))
    if (own !== undefined)
      throw new UserError(
        `${post.postFolder} has ${own} of its own, which ${pair.postFolder} ties: measure this merge on a post that has it too`,
      )
    const scanned = await scanModel(steps, async function* () {
      for (const tensor of names) {
        const { base, shape } = loaded(tensor)
        const delta = toDelta(await checkpoint.read(tensor), base)
        yield [drawKey(postName(post), tensor), delta, matricesOf({ name: tensor, shape })] as const
      }
    })
    for (const tensor of names) {
      const { base, shape } = loaded(tensor)
      const layout = matrixLayout(tensor, shape, stored.config)
      const context = { seed, tensor: drawKey(postName(post), tensor), ...layout, scanned, onWarning: warn }
      found.set(tensor, await editPart(await checkpoint.read(tensor), base, { shape, steps, deltas }, context))
    }
    return found
  } finally {
    await Promise.all([baseFiles.close(), opened.close()])
  }
}
