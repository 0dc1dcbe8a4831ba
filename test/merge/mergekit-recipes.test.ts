// Recipes in every form that mergekit's YAML takes (test/fixtures/mergekit/make.py): taken or refused as mergekit 0.1.5 does, and its weights.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../src/errors/index.js'
import { mergeTensor, scanPlan } from '../../src/merge/definition.js'
import { openMerge, readMergeFile } from '../../src/merge/index.js'
import type { MergePlan } from '../../src/merge/plan.js'
import { setBackend } from '../../src/tensor/index.js'
import { readWords, yaml } from './fixtures.js'

const root = fileURLToPath(new URL('../../../test/fixtures/mergekit/', import.meta.url))

interface Recipe {
  text: string
  flags?: string[]
  /** mergekit's words. */
  refused?: string
  /** The recipe whose weights these are. */
  result?: string
}

before(() => setBackend('cpu'))

const recipes = JSON.parse(readFileSync(join(root, 'recipes.json'), 'utf8')) as Record<string, Recipe>
const results = readWords(join(root, 'results.safetensors'))

/** All that the weights depend on. */
const signature = ({ tensors }: MergePlan): string =>
  JSON.stringify(
    tensors.map(({ name, dtype, base, sources, merging }) => [
      name,
      dtype,
      base?.name,
      base?.model.label,
      sources.map(({ model, name: own, steps }) => [model.label, own, steps]),
      merging && [merging.merger.name, merging.options, merging.modelOptions],
    ]),
  )

type Weights = Map<string, { dtype: string; shape: readonly number[]; values: Float32Array }>

/** The weights by the definitions of the methods, before they are rounded. */
async function mergeAll(plan: MergePlan): Promise<Weights> {
  const warn = () => undefined
  const scans = await scanPlan(plan, warn)
  const weights: Weights = new Map()
  for (const tensor of plan.tensors) {
    const { name, dtype, shape, merging, sources } = tensor
    const values = merging
      ? (await mergeTensor(plan, tensor, scans, { rows: null, warn })).values!
      : await sources[0]!.model.checkpoint.read(sources[0]!.name)
    weights.set(name, { dtype, shape, values })
  }
  return weights
}

/** What was planned, and the weights of a plan that is new; or the refusal. */
async function run({ text, flags = [] }: Recipe, isNew: (plan: string) => boolean) {
  const rules = {
    allowCrimes: flags.includes('--allow-crimes'),
    truncate: flags.includes('--unsafe-truncate-embeddings'),
  }
  const file = yaml(text)
  try {
    const { plan, close } = await openMerge(file, readMergeFile(file), rules)
    const planned = signature(plan)
    const weights = isNew(planned) ? await mergeAll(plan) : null
    await close()
    return { planned, weights }
  } catch (error) {
    if (error instanceof UserError) return { refused: error.message }
    throw error
  }
}

/** One step of rounding, and what the order of additions and a division by a small sum of weights leave. */
const TOLERANCE: Record<string, number> = { F32: 6e-7, BF16: 2 ** -7 }

function compare(name: string, result: string, weights: Weights): void {
  const wanted = [...results].filter(([key]) => key.startsWith(`${result}/`))
  assert.equal(weights.size, wanted.length, name)
  for (const [key, { dtype, shape, values }] of wanted) {
    const own = weights.get(key.slice(result.length + 1))
    assert.ok(own, `${name}: ${key}`)
    assert.deepEqual([own.dtype, own.shape], [dtype, shape], `${name}: ${key}`)
    const far = own.values.findIndex(
      (value, i) => !(Math.abs(value - values[i]!) <= TOLERANCE[dtype]! * Math.max(Math.abs(values[i]!), 0.5)),
    )
    assert.equal(far, -1, `${name}: ${key}[${far}] is ${own.values[far]}; ${values[far]} in mergekit`)
  }
}

test('recipes in every form are taken or refused as mergekit does, with its weights', async () => {
  const here = process.cwd()
  process.chdir(join(root, 'models'))
  const plans = new Map<string, Set<string>>()
  try {
    for (const [name, recipe] of Object.entries(recipes)) {
      const known = plans.get(recipe.result ?? '') ?? new Set()
      const made = await run(recipe, (plan) => !known.has(plan))
      if (recipe.refused !== undefined) {
        assert.ok(made.refused !== undefined, `${name} is taken; mergekit: ${recipe.refused}`)
        continue
      }
      assert.equal(made.refused, undefined, name)
      if (made.weights) compare(name, recipe.result!, made.weights)
      plans.set(recipe.result!, known.add(made.planned!))
    }
  } finally {
    process.chdir(here)
  }
})
