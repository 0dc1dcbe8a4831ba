// The schema of a merge file: mergekit's YAML, and our own keys (merger, convention, seed, editors, data).
import { z } from 'zod'
import { CONVENTIONS } from '../mergers/index.js'
import { section } from '../schema/index.js'

const scalar = z.union([z.number(), z.boolean(), z.string()])
const gradient = z.array(scalar)
const filtered = section({
  filter: z
    .string()
    .optional()
    .describe('Part of the names of the tensors that the value is for. Default, and `*`: all tensors.'),
  value: z
    .union([scalar, gradient])
    .describe('A value, or a list of values that are spread over the layers (a gradient).'),
})
/** A value; a gradient over the layers; or a list of those with filters, of which the first that matches is used. */
const setting = z.union([scalar, gradient, z.array(filtered)])
/** An empty `parameters:` is null in YAML; it means none. */
const parameters = z
  .record(z.string(), setting)
  .nullish()
  .transform((given) => given ?? undefined)
const editor = z.looseObject({ editor: z.string() })
const dtype = z.enum(['float32', 'bfloat16', 'float16', 'float64'])

const model = section({
  model: z
    .string()
    .min(1)
    .describe('The model: a folder, a name on the hub, an adapter of the base model, or model+adapter.'),
  parameters: parameters.optional().describe('Options of this model.'),
  editors: z
    .array(editor)
    .optional()
    .describe('Editors applied to its delta before the merge (see `deltalab editors`).'),
  data: z
    .string()
    .optional()
    .describe(
      'Folder with the Fisher diagonals or Gram matrices of this model, by tensor name (written by `deltalab information`).',
    ),
})
const range = z
  .tuple([z.int().min(0), z.int().min(0)])
  .refine(([first, end]) => first <= end, 'must be [first layer, layer after the last], the first not above the second')
const source = section({
  ...model.shape,
  layer_range: range.describe('First layer, and the layer after the last one.'),
})
const slice = section({
  sources: z.array(source).min(1).describe('Layers that are merged into one run of layers: an entry for each model.'),
  parameters: parameters.optional().describe('Options for this slice.'),
  base_model: z.string().min(1).optional().describe('The base model of this slice, instead of that of the file.'),
})

const row = z.union([
  z.string().min(1),
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('zero') }),
    section({
      kind: z.literal('model_token'),
      model: z.string().min(1).describe('A model of this file.'),
      token: z.string().optional().describe('A token of that model (or give `token_id`).'),
      token_id: z.int().min(0).optional().describe('A row of that model (or give `token`).'),
    }).refine(
      ({ token, token_id: id }) => (token === undefined) !== (id === undefined),
      'needs either token or token_id',
    ),
  ]),
])
const token = section({
  source: row
    .optional()
    .describe('A model of this file, {kind: zero}, or {kind: model_token, model, token or token_id}.'),
  force: z.boolean().default(false).describe('Also replace the row in models that have the token.'),
})
const tokenizer = section({
  source: z.string().default('union').describe('base, a model, or union.'),
  tokens: z
    .record(z.string(), token)
    .optional()
    .describe('Where the row of a token comes from in models that lack it. Tokens that no tokenizer has are added.'),
  pad_to_multiple_of: z.int().min(1).optional().describe('Round the number of rows up to a multiple of this.'),
})

export const mergeSchema = section({
  plugins: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Modules (TypeScript or JavaScript, relative to this file) that add editors or mergers; their code runs.',
    ),
  merge_method: z
    .string()
    .optional()
    .describe('A method of mergekit. Computed as in mergekit unless `convention` says otherwise.'),
  merger: z
    .string()
    .optional()
    .describe(
      'A merger of deltalab (see `deltalab mergers`), instead of merge_method. Computed as in its paper unless `convention` says otherwise.',
    ),
  models: z.array(model).min(1).optional().describe('The models. Give either these or `slices`.'),
  slices: z.array(slice).min(1).optional().describe('Runs of layers, which are stacked in this order.'),
  base_model: z.string().min(1).optional().describe('The base model: a folder or a name on the hub.'),
  parameters: parameters.optional().describe('Options of the merge, and of models that do not set them.'),
  convention: z.enum(CONVENTIONS).optional().describe('Definition to follow where tools differ.'),
  ignore_unmatched: z
    .boolean()
    .default(false)
    .describe(
      'Take tensors that not every model has, or not in the same shape, from the base (else the first model). Default: an error.',
    ),
  seed: z.int().min(0).default(0).describe('Seed of random editors.'),
  dtype: dtype.optional().describe('Format of the result. All computation is in float32, of float64 in float64.'),
  out_dtype: dtype.optional().describe('Format of the result; overrides `dtype`.'),
  arithmetic: z
    .enum(['exact', 'stored'])
    .default('exact')
    .describe(
      'exact: computed in float32 and rounded once. stored: with the roundings of mergekit 0.1.5, which computes in `dtype`; gives its bits.',
    ),
  tokenizer_source: z
    .string()
    .optional()
    .describe('Tokens of the result: base, a model, or union (the tokens of all models).'),
  tokenizer: tokenizer.optional().describe('As `tokenizer_source`, with rules for single tokens.'),
  chat_template: z
    .string()
    .optional()
    .describe(
      'Chat template of the result: auto (what most models have), alpaca, chatml, exaone, llama3, mistral, or a text of jinja.',
    ),
  modules: z
    .undefined({ error: 'is not supported: parts of a model cannot be merged separately; give models or slices' })
    .optional()
    .describe('Not supported.'),
})

/** The keys of each part of a merge file. */
export const KEYS = {
  top: Object.keys(mergeSchema.shape),
  module: ['models', 'slices', 'parameters'],
  model: Object.keys(model.shape),
  slice: Object.keys(slice.shape),
  source: Object.keys(source.shape),
  tokenizer: Object.keys(tokenizer.shape),
  token: Object.keys(token.shape),
}

export type MergeFile = z.infer<typeof mergeSchema>
export type Setting = z.infer<typeof setting>
export type Parameters = NonNullable<z.infer<typeof parameters>>
