// Files of mergekit in every form that its YAML takes (test/fixtures/mergekit/make.py): taken or refused as mergekit does, with its weights.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../src/errors/index.js'
import { mergeTensor, scanPlan } from '../../src/merge/definition.js'
import { openMerge, readMergeFile } from '../../src/merge/index.js'
import type { MergePlan } from '../../src/merge/plan.js'
import { setBackend } from '../../src/tensor/index.js'
import { readWords, yaml } from '../merge/fixtures.js'
import { compatible } from './row.js'

const root = fileURLToPath(new URL('../../../test/fixtures/mergekit/', import.meta.url))

interface Recipe {
  text: string
  flags?: string[]
  /** mergekit's words. */
  refused?: string
  /** The recipe whose weights these are. */
  result?: string
}

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

type Weights = Map<string, { dtype: string; shape: readonly number[]; values: Float32Array | Float64Array }>

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

/** Plans that are known to give a result. */
const plans = new Map<string, Set<string>>()

async function check(name: string, recipe: Recipe): Promise<void> {
  const known = plans.get(recipe.result ?? '') ?? new Set()
  const made = await run(recipe, (plan) => !known.has(plan))
  if (recipe.refused !== undefined) {
    assert.ok(made.refused !== undefined, `${name} is taken; mergekit: ${recipe.refused}`)
    return
  }
  assert.equal(made.refused, undefined, name)
  if (made.weights) compare(name, recipe.result!, made.weights)
  plans.set(recipe.result!, known.add(made.planned!))
}

/** Runs `work` where the models of the recipes lie. */
async function amongModels(work: () => Promise<void>): Promise<void> {
  const here = process.cwd()
  process.chdir(join(root, 'models'))
  await setBackend('cpu')
  await work().finally(() => process.chdir(here))
}

const ROWS: readonly (readonly [what: string, names: RegExp, note?: string])[] = [
  [
    'Keys and parameters of a mergekit file that mergekit passes over',
    /^(unknown|density-without|slice-merge|shared)/,
    'a line names each',
  ],
  [
    'Numbers in a mergekit file as PyYAML and pydantic read them: in quotes, `yes`, `010`, `1_0`, `1:30`, `5e-1`, lists',
    /^number-/,
  ],
  ['Truth values in a mergekit file: `yes`, `off`, 1, 1.0, `"Yes"`, lists over the layers', /^truth-/],
  [
    'Filters in a mergekit file: bare, null, empty, that fit no tensor; parameters of source, slice, module and file',
    /^(bare|filter|nothing-falls|parameters|levels)/,
  ],
  [
    '`slices` with ranges of every form and a `base_model` of their own; `modules: {default: …}`',
    /^(range|slices|modules)/,
  ],
  [
    'Which models a method of mergekit takes: the base among them, outside, alone, none; one model, two names of one',
    /^(linear|task_arithmetic|ties|sce|slerp|nuslerp|model_stock|nearswap|passthrough|alone|two-names)/,
  ],
  ['`dtype` and `out_dtype` in the words of mergekit; inputs of different formats', /^(dtype|out-dtype|mixed)/],
  ['Names of models in a mergekit file: `{model: {path, revision}, lora}`, `name@revision`', /^(nested|model-)/],
  [
    'Tied and untied models, other vocabularies and architectures in one merge; `--unsafe-truncate-embeddings`, `--allow-crimes`',
    /^(tied|untied|wide|architectures)/,
    'config.json says what was written, where mergekit leaves it',
  ],
  ['`tokenizer_source` and every form of a `tokenizer` section', /^(source|block|tokenizer)/],
  [
    'mergekit files with keys twice, anchors, tags, several documents, other line ends; JSON',
    /^(key|documents|anchors|tag|tab|list|nothing$|no-method|method|json|line-ends|byte-order)/,
  ],
]

for (const [what, names, note] of ROWS)
  compatible({ what, outcome: 'read', like: 'mergekit 0.1.5', note }, () =>
    amongModels(async () => {
      const own = Object.entries(recipes).filter(([name]) => names.test(name))
      assert.ok(own.length)
      for (const [name, recipe] of own) await check(name, recipe)
    }),
  )

compatible(
  {
    what: 'Weights in a mergekit file that are infinite or sum to 0, of which mergekit makes NaN',
    outcome: 'refused',
    like: 'names the weight',
  },
  () =>
    amongModels(async () => {
      for (const [name] of Object.entries(recipes))
        assert.equal(ROWS.filter(([, names]) => names.test(name)).length, 1, `${name} belongs to one row`)
      for (const weight of ['.inf', '.nan', '"inf"', '-0.3']) {
        const text = recipes['number-plain']!.text.replace('0.5', weight)
        const { refused } = await run({ text }, () => true)
        assert.match(refused!, /^\S+:2:36: models\[0\]\.parameters\.weight: /, weight)
      }
    }),
)
