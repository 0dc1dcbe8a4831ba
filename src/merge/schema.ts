// The shape of a merge's YAML file: mergekit's, and the keys that are ours (merger, convention, seed, editors, data).
import { z } from 'zod'
import { CONVENTIONS } from '../mergers/index.js'
import { section } from '../schema/index.js'

const scalar = z.union([z.number(), z.boolean(), z.string()])
const gradient = z.array(z.number()).min(1)
const filtered = section({
  filter: z
    .string()
    .min(1)
    .optional()
    .describe('Part of the tensor names that the value is for; all when left out or `*`.'),
  value: z.union([scalar, gradient]).describe('A value, or a list of numbers spread over the layers.'),
})
/** A value; a gradient over the layers; or a list of those with filters, of which the first that fits counts. */
const setting = z.union([scalar, gradient, z.array(filtered).min(1)])
/** An empty `parameters:` is null in YAML, and as good as none. */
const parameters = z
  .record(z.string(), setting)
  .nullish()
  .transform((given) => given ?? undefined)
const editor = z.looseObject({ editor: z.string() })
const dtype = z.enum(['float32', 'bfloat16', 'float16'])

const model = section({
  model: z
    .string()
    .min(1)
    .describe('Folder of the model, its name on the hub, an adapter of the base model, or model+adapter.'),
  parameters: parameters.optional().describe('Options of this model.'),
  editors: z
    .array(editor)
    .optional()
    .describe('Editors of `deltalab editors` that its delta goes through before the merge.'),
  data: z
    .string()
    .optional()
    .describe('Safetensors file with the Fisher diagonals or Gram matrices of this model, by tensor name.'),
})
const range = z
  .tuple([z.int().min(0), z.int().min(1)])
  .refine(([first, end]) => first < end, 'must be [first layer, layer after the last], the first below the second')
const source = model.extend({ layer_range: range.describe('First layer, and the layer after the last.') })
const slice = section({
  sources: z
    .array(section(source.shape))
    .min(1)
    .describe('Layers that are merged into one run of layers, from one model each.'),
  parameters: parameters.optional().describe('Options for this slice.'),
})

const row = z.union([
  z.string().min(1),
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('zero') }),
    section({
      kind: z.literal('model_token'),
      model: z.string().min(1).describe('A model of this file.'),
      token: z.string().optional().describe('Its token,'),
      token_id: z.int().min(0).optional().describe('or the row.'),
    }).refine(
      ({ token, token_id: id }) => (token === undefined) !== (id === undefined),
      'needs either token or token_id',
    ),
  ]),
])
const tokenizer = section({
  source: z.string().default('union').describe('base, a model of this file, or union.'),
  tokens: z
    .record(
      z.string(),
      section({
        source: row.describe('A model of this file, {kind: zero}, or {kind: model_token, model, token or token_id}.'),
        force: z.boolean().default(false).describe('Also for models that have the token.'),
      }),
    )
    .optional()
    .describe('Where the row of a token comes from in models that lack it; tokens that no tokenizer has are added.'),
  pad_to_multiple_of: z.int().min(1).optional().describe('The number of rows is rounded up to a multiple of this.'),
})

export const mergeSchema = section({
  merge_method: z
    .string()
    .optional()
    .describe(
      'A method of mergekit, by its name; numbers as mergekit computes them unless `convention` says otherwise.',
    ),
  merger: z
    .string()
    .optional()
    .describe(
      'A merger of `deltalab mergers`, in place of merge_method; numbers as in its paper unless `convention` says otherwise.',
    ),
  models: z.array(model).min(1).optional().describe('The models; either these or slices.'),
  slices: z.array(slice).min(1).optional().describe('Runs of layers, stacked in this order.'),
  base_model: z.string().min(1).optional().describe('Folder of the base model, or its name on the hub.'),
  parameters: parameters.optional().describe('Options of the merge, and of every model that has none of its own.'),
  convention: z.enum(CONVENTIONS).optional().describe('Whose numbers, where the tools differ.'),
  seed: z.int().min(0).default(0).describe('Seed of random editors.'),
  dtype: dtype.optional().describe('Format of the result; every operation is in float32 whatever it says.'),
  out_dtype: dtype.optional().describe('Format of the result, when it is not `dtype`.'),
  tokenizer_source: z
    .string()
    .optional()
    .describe('Whose tokens the result has: base, a model of this file, or union (those of all).'),
  tokenizer: tokenizer.optional().describe('The same with rows for single tokens.'),
  chat_template: z
    .string()
    .optional()
    .describe(
      'Chat template of the result: auto (what most models have), alpaca, chatml, exaone, llama3, mistral, or a text of jinja.',
    ),
  modules: z
    .undefined({ error: 'is not read: the parts of a model are not merged apart; give models, or slices' })
    .optional()
    .describe('Not read, and refused.'),
})

export type MergeFile = z.infer<typeof mergeSchema>
export type Setting = z.infer<typeof setting>
export type Parameters = NonNullable<z.infer<typeof parameters>>
