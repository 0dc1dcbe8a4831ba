// One edit applied to the selected tensors of a pair.
import type { DeltaEdit } from '../config/index.js'
import { applySteps, bitsOf, editorNamed, scanModel } from '../editors/index.js'
import type { Gradient } from '../loss/index.js'
import { type EditedModel, gather } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'

interface Given {
  /** Of the loss, at the post-trained weights. */
  gradient: Gradient | null
  /** XᵀX of the inputs of linear layers. */
  grams?: ReadonlyMap<string, Float32Array> | undefined
  /** Told where an editor degenerates. */
  warn: (text: string) => void
}

/** Applies the steps to every selected tensor: W = base + F(Δ), or W = F(post) when the edit is on the weights. */
export async function applyEdit(
  home: LoadedPair,
  edit: DeltaEdit,
  seed: number | null,
  given: Given,
): Promise<EditedModel> {
  const steps = edit.steps.map(({ editor, options }) => ({ editor: editorNamed(editor), options }))
  const names = home.select(edit.tensors)
  const sourceOf = async (name: string) =>
    edit.on === 'delta' ? home.delta.get(name)! : ((await home.post[name]!.data()) as Float32Array)
  const scanned = await scanModel(steps, async function* () {
    for (const name of names) yield [name, await sourceOf(name)] as const
  })
  const gathered = gather(home)
  for (const name of names) {
    const shape = [...home.shapes[name]!]
    const context = {
      seed: seed ?? 0,
      tensor: name,
      gradient: given.gradient?.get(name),
      gram: given.grams?.get(name),
      scanned,
      onWarning: given.warn,
      cache: home.caches[edit.on],
    }
    const values = await applySteps(steps, await sourceOf(name), shape, context)
    const kept = await gathered.add(name, values, edit.on)
    gathered.store(await bitsOf(steps, shape, kept, context))
  }
  return gathered.finish()
}
