// What a merged checkpoint says about itself, and what a dry run says before there is one.
import {
  type Clock,
  CONTENT_NAME,
  contentsOf,
  type Description,
  forecastSeconds,
  type NameContent,
  storedBytes,
  TORCH_NAMES,
  writeCard,
} from '../checkpoint/index.js'
import { packageVersion } from '../files/index.js'
import { describePlugins, type Registry } from '../registry/index.js'
import { leastMemory, leastStream, openStream, type StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { layerCount } from './layers.js'
import { partNeeds, streamedTensors } from './need.js'
import type { MergeModel } from './open.js'
import type { MergePlan } from './plan.js'
import { withoutProgram, workOf } from './program.js'

const BYTES: Readonly<Record<string, number>> = { F32: 4, BF16: 2, F16: 2, F64: 8 }

/** The models that take part, with the part they play. */
function inputsOf({ base, tensors }: MergePlan): { role: string; model: MergeModel }[] {
  const list = new Map<MergeModel, string>(base ? [[base, 'base']] : [])
  for (const { sources, base: own } of tensors) {
    if (own && !list.has(own.model)) list.set(own.model, 'base')
    for (const { model, data } of sources) {
      if (!list.has(model)) list.set(model, 'model')
      if (data && !list.has(data)) list.set(data, 'data')
    }
  }
  return [...list].map(([model, role]) => ({ role, model }))
}

/** The formats of the computation; those of mergekit's own operations are rounded to after each. */
function computedIn(tensors: MergePlan['tensors']): string {
  const merged = tensors.filter(({ merging }) => merging)
  const words = merged.map(({ stored }) =>
    stored ? `${TORCH_NAMES[stored.compute]}, each operation rounded` : 'float32',
  )
  return [...new Set(words)].join('; ') || 'float32'
}

/** `text`: the YAML file; `registry`: where merger and editors come from; `content`: names that of an input file. */
export async function describeMerge(
  plan: MergePlan,
  title: string,
  { text, backend, registry, content }: { text: string; backend: string; registry: Registry; content: NameContent },
): Promise<Description> {
  const { method, merger, convention, seed, tensors } = plan
  const steps = tensors.flatMap(({ sources }) => sources.flatMap((source) => source.steps))
  const random = steps.some(({ editor, options }) => editor.stochastic(options))
  const settings = {
    method,
    merger: merger.name,
    convention,
    ...(random ? { seed } : {}),
    editors: [...new Set(steps.map(({ editor }) => editor.name))].join(', ') || 'none',
    formats: [...new Set(tensors.map(({ dtype }) => dtype))].join(', '),
    computed_in: computedIn(tensors),
    ...describePlugins(registry, { mergers: [merger.name], editors: steps.map(({ editor }) => editor.name) }),
  }
  const inputs = await Promise.all(
    inputsOf(plan).map(async ({ role, model: { label, checkpoint } }) => ({
      role,
      name: label,
      contents: await contentsOf(checkpoint, content),
    })),
  )
  const software = { deltalab: packageVersion(), node: process.version, backend }
  const citations = [...new Set([merger.cite, ...steps.map(({ editor }) => editor.cite)].filter(Boolean))]
  const card = writeCard({ title, inputs, named: CONTENT_NAME, settings, software, citations })
  return {
    card: `${card}\n## Configuration\n\n\`\`\`yaml\n${text.trimEnd()}\n\`\`\`\n`,
    metadata: {
      deltalab: software.deltalab,
      merge: JSON.stringify({
        ...settings,
        inputs: inputs.map(({ role, name, contents }) => ({ role, name, contents })),
      }),
    },
  }
}

export interface Estimate {
  method: string
  convention: string
  models: {
    role: string
    label: string
    parameters: number
    dtypes: string
    layers: number
    vocabulary: number | null
  }[]
  result: { tensors: number; parameters: number; layers: number; dtypes: string; bytes: number }
  /** Least bound on the memory of the process, in bytes, that would do: `--memory`. */
  memory: number
}

/** From headers only. */
export function estimateMerge(plan: MergePlan): Estimate {
  const { method, convention, tensors, layers } = plan
  const dtypes = (list: { dtype: string }[]): string => [...new Set(list.map(({ dtype }) => dtype))].sort().join(', ')
  const models = inputsOf(plan).map(({ role, model: { label, checkpoint } }) => {
    const entries = [...checkpoint.tensors.values()]
    const vocabulary = typeof checkpoint.config?.vocab_size === 'number' ? checkpoint.config.vocab_size : null
    return {
      role,
      label,
      parameters: entries.reduce((sum, { shape }) => sum + countEntries(shape), 0),
      dtypes: dtypes(entries),
      layers: layerCount(checkpoint),
      vocabulary,
    }
  })
  const bytes = tensors.reduce((sum, { shape, dtype }) => sum + countEntries(shape) * (BYTES[dtype] ?? 8), 0)
  const memory = Math.max(leastStream(streamedTensors(plan)), leastMemory(partNeeds(plan, withoutProgram(plan))))
  return {
    method,
    convention,
    models,
    memory,
    result: {
      tensors: tensors.length,
      parameters: tensors.reduce((sum, { shape }) => sum + countEntries(shape), 0),
      layers,
      dtypes: dtypes([...tensors]),
      bytes,
    },
  }
}

/** Seconds that the merge will take from now on, by trying its methods on random weights; null where one has no program. */
export function forecastMerge(plan: MergePlan, options: StreamOptions, clock: Clock): Promise<number | null> {
  const { tensors } = plan
  return forecastSeconds({
    clock,
    plan: tensors,
    workOf: (i, shape) => workOf(plan, { ...tensors[i]!, shape }),
    kindOf: (i) => String(tensors[i]!.sources.map(({ steps }) => steps.length)),
    engine: openStream(options, streamedTensors(plan)),
    inputs: inputsOf(plan).reduce((sum, { model }) => sum + storedBytes(model.checkpoint), 0),
  })
}
