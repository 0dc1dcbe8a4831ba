// One merge: the deltas of its posts edited and combined, as the edited delta of the pair it is measured on.
import { openCheckpoint } from '../checkpoint/index.js'
import { postName, type Edit, type Pair } from '../config/index.js'
import { applySteps, editorNamed, takeCensus, type Step } from '../editors/index.js'
import { mergerNamed, mergeTensors, parseMerging, surveyModels, type Part } from '../mergers/index.js'
import { tf } from '../tensor/index.js'
import { gather, type Applied } from './applied.js'
import type { Data } from './data.js'
import type { Residence } from './residence.js'

/**
 * Merges all tensors that base and posts share: W = base + merged delta. What is random is keyed by post and tensor, as in
 * `deltalab merge`, so that posts have masks of their own and their order does not matter.
 * @param data of each post, where the merger needs any
 */
export async function applyMerge(home: Residence, edit: Edit, seed: number | null, data: readonly Data[]): Promise<Applied> {
  const { merger: name, convention, options, own, posts } = edit.merge!
  const merger = mergerNamed(name)
  const merging = parseMerging(merger, { convention, options, models: own })
  const steps = edit.steps.map((step) => ({ editor: editorNamed(step.editor), options: step.options }))
  const weighted = merger.input === 'weights'
  const models: Map<string, Float32Array>[] = []
  for (const post of posts) models.push(await readPost(home, post, steps, seed ?? 0, weighted))
  const parts = home.select(edit.tensors).map((tensor): Part => {
    const given = data.map((each) => each.get(tensor))
    return {
      name: tensor,
      shape: home.shapes[tensor],
      models: models.map((each) => each.get(tensor)!),
      ...(given.length > 0 && given.every((each) => each !== undefined) && { given }),
    }
  })
  const survey = await surveyModels(merging, async function* () {
    yield* parts
  })
  const gathered = gather(home)
  gathered.store(null)
  for (const part of parts) {
    const base = home.base.get(part.name)!
    const values = await mergePart({ ...merging, survey }, part, base, home.roles[part.name] === 'embedding')
    await gathered.add(part.name, weighted ? subtract(values, base) : values, 'delta')
  }
  return gathered.finish()
}

/** The post's edited deltas by tensor, or its weights with these deltas. */
async function readPost(
  home: Residence,
  post: Pair,
  steps: readonly Step[],
  seed: number,
  weighted: boolean,
): Promise<Map<string, Float32Array>> {
  const checkpoint = await openCheckpoint(post.postFolder)
  try {
    const found = new Map<string, Float32Array>()
    const place = (tensor: string) => `${postName(post)}/${tensor}`
    const readDelta = async (tensor: string) => subtract(await checkpoint.read(tensor), home.base.get(tensor)!)
    const census = await takeCensus(steps, async function* () {
      for (const tensor of home.select({ include: [], exclude: [] })) yield [place(tensor), await readDelta(tensor)] as const
    })
    for (const tensor of home.select({ include: [], exclude: [] })) {
      if (steps.length === 0) {
        found.set(tensor, weighted ? await checkpoint.read(tensor) : await readDelta(tensor))
        continue
      }
      const delta = tf.tensor(await readDelta(tensor), [...home.shapes[tensor]])
      const edited = await applySteps(steps, delta, { seed, tensor: place(tensor), census })
      const values = (await edited.data()) as Float32Array
      tf.dispose([delta, edited])
      found.set(tensor, weighted ? values.map((value, i) => home.base.get(tensor)![i] + value) : values)
    }
    return found
  } finally {
    await checkpoint.close()
  }
}

async function mergePart(
  merging: Parameters<typeof mergeTensors>[0],
  part: Part,
  base: Float32Array,
  embedding: boolean,
): Promise<Float32Array> {
  const { name, shape, models, given } = part
  const toTensor = (values: Float32Array) => tf.tensor(values, [...shape])
  const square = (values: Float32Array) => tf.tensor(values, [shape[1], shape[1]])
  const inputs = {
    name,
    models: models.map(toTensor),
    base: toTensor(base),
    given: given?.map(merging.merger.data === 'gram' ? square : toTensor),
    embedding,
  }
  const merged = await mergeTensors(merging, inputs, () => undefined)
  const values = (await merged.data()) as Float32Array
  tf.dispose([merged, inputs.base, ...inputs.models, ...(inputs.given ?? [])])
  return values
}

const subtract = (after: Float32Array, before: Float32Array) => after.map((value, i) => value - before[i])
