// One merge: the deltas of its posts edited and combined, as the edited delta of the pair it is measured on.
import { hasOutput, openModels, untie } from '../checkpoint/index.js'
import { type MergeEdit, type ModelPair, postName } from '../config/index.js'
import { editorNamed, type Step, scanModel } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { drawKey, editPart, toDelta, wantsDeltas } from '../merge/index.js'
import { mergerNamed, mergeValues, parseMerging, surveyModels } from '../mergers/index.js'
import type { MergerData } from '../plan/index.js'
import { type EditedModel, gather } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'

/**
 * Merges all tensors that base and posts share. What is random is keyed by post and tensor, as in `deltalab merge`, so that
 * posts have masks of their own and their order does not matter.
 * @param data of each post, where the merger needs any
 * @param warn told where an editor or the merger degenerates
 */
export async function applyMerge(
  home: LoadedPair,
  edit: MergeEdit,
  seed: number | null,
  data: readonly MergerData[],
  warn: (text: string) => void,
): Promise<EditedModel> {
  const { merger: name, convention, options, modelOptions, posts } = edit.merge
  const merger = mergerNamed(name)
  const merging = parseMerging(merger, { convention, options, models: [...modelOptions] })
  const steps = edit.steps.map((step) => ({ editor: editorNamed(step.editor), options: step.options }))
  const deltas = wantsDeltas(merger, true)
  const models: Map<string, Float32Array>[] = []
  for (const post of posts) models.push(await readPost(home, post, { steps, seed: seed ?? 0, deltas, warn }))
  const parts = home.select(edit.tensors).map((tensor) => {
    const given = data.map((each) => each.get(tensor))
    return {
      name: tensor,
      shape: home.shapes[tensor]!,
      models: models.map((each) => each.get(tensor)!),
      embedding: home.roles[tensor] === 'embedding',
      ...(given.length > 0 && given.every((each) => each !== undefined) && { given }),
    }
  })
  const walk = async function* () {
    yield* parts
  }
  const survey = await surveyModels(merging, walk, warn)
  const gathered = gather(home)
  gathered.store(null)
  for (const part of parts) {
    const base = home.base.get(part.name)!
    const merged = await mergeValues({ ...merging, survey }, part, base, warn)
    if (deltas) await gathered.add(part.name, merged, 'delta')
    else await gathered.add(part.name, merged, 'weights', toDelta(merged.slice(), base))
  }
  return gathered.finish()
}

interface How {
  steps: readonly Step[]
  seed: number
  /** Whether the edited deltas are wanted, or the weights with them. */
  deltas: boolean
  warn: (text: string) => void
}

/** The post by tensor, edited. */
async function readPost(
  { pair, base, shapes, select }: LoadedPair,
  post: ModelPair,
  { steps, seed, deltas, warn }: How,
): Promise<Map<string, Float32Array>> {
  const [baseFiles, opened] = await openModels(pair.baseFolder, post.postFolder)
  try {
    const found = new Map<string, Float32Array>()
    const names = select({ include: [], exclude: [] })
    const checkpoint = untie(
      opened,
      names.filter((name) => !opened.tensors.has(name)),
    )
    const own = hasOutput(checkpoint).find((name) => !(name in shapes))
    if (own !== undefined)
      throw new UserError(
        `${post.postFolder} has ${own} of its own, which ${pair.postFolder} ties: measure this merge on a post that has it too`,
      )
    const scanned = await scanModel(steps, async function* () {
      for (const tensor of names)
        yield [drawKey(postName(post), tensor), toDelta(await checkpoint.read(tensor), base.get(tensor)!)] as const
    })
    for (const tensor of names) {
      const context = { seed, tensor: drawKey(postName(post), tensor), scanned, onWarning: warn }
      found.set(
        tensor,
        await editPart(
          await checkpoint.read(tensor),
          base.get(tensor)!,
          { shape: shapes[tensor]!, steps, deltas },
          context,
        ),
      )
    }
    return found
  } finally {
    await Promise.all([baseFiles.close(), opened.close()])
  }
}
