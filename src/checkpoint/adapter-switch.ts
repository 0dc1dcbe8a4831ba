// Layers of all experts together in adapters of mlx-lm (`switch_mlp`): what they add to the experts of a base that holds them one by one.
import { UserError } from '../errors/index.js'
import { sameExpertPart } from '../naming/index.js'
import type { AdapterConfig } from './adapter-config.js'
import { mlxScale } from './adapter-mlx.js'
import { misfit, type Product } from './adapter-products.js'
import type { Sorted, Tensors } from './adapter-sort.js'
import type { Checkpoint } from './checkpoint.js'

interface Given {
  file: string
  tensors: Tensors
  base: Checkpoint
  config: AdapterConfig
}

/** Takes the layers of experts out of the parts. @throws UserError for a base whose experts are not such */
export function takeExperts(
  { file, tensors, base, config }: Given,
  { parts }: Sorted,
): [target: string, product: Product][] {
  const scale = mlxScale(config.given)
  return [...parts].flatMap(([module, own]) => {
    const [, owner, layer] = /^(.*)\.switch_mlp\.(\w+)$/.exec(module) ?? []
    if (owner === undefined) return []
    parts.delete(module)
    const fail = (why: string) =>
      new UserError(`${file}: ${module}: ${why}; make one model of base and adapter with mlx_lm.fuse first`)
    const [a, b] = [own.get('lora_a'), own.get('lora_b')]
    if (!a || !b) throw fail('has only one of lora_a and lora_b')
    const [down, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
    const [experts = 0, rank = 0, inputs = 0] = down
    const [, rows = 0] = up
    const one = new RegExp(
      `^${owner.replaceAll('.', '\\.')}\\.experts\\.(\\d+)\\.(?:${sameExpertPart(layer!)})\\.weight$`,
    )
    const found = [...base.tensors.values()].flatMap(({ name, shape }) => {
      const expert = one.exec(name)?.[1]
      return expert === undefined ? [] : [{ name, shape, expert: Number(expert) }]
    })
    if (!found.length || found.length !== experts)
      throw fail(`has ${experts} experts, and ${base.folder} holds ${found.length || 'none'} of them one by one`)
    if (String(up) !== String([experts, rows, rank])) throw fail(`lora_a [${down}] and lora_b [${up}] do not fit`)
    return found.map(({ name, shape, expert }): [string, Product] => {
      if (String(shape) !== `${rows},${inputs}`) throw misfit({ file, base, config }, name, tensors.get(a)!)
      const product = { a, b, rank, scale, experts, expert, from: 0, rows, convolution: false }
      return [name, { ...product, flipped: false, rounded: true, stacked: true }]
    })
  })
}
