// JSON Schema of a merge file: ours is checked; mergekit's, which converts values and passes over keys, is completed and explained.
import type { Registry } from '../registry/index.js'
import { editorStep, type JsonSchema, jsonSchemaOf, lenient, nameIn, optionsIn, whereKey } from '../schema/index.js'
import { methods } from './mergekit.js'
import { mergeSchema } from './schema.js'

export function mergeJsonSchema({ editors, mergers }: Pick<Registry, 'editors' | 'mergers'>): JsonSchema {
  const own = jsonSchemaOf(mergeSchema) as any
  // It is there to be refused with a reason.
  delete own.properties.modules
  const steps = { ...own.properties.models.items.properties.editors, items: editorStep(editors, (option) => option) }
  own.properties.models.items.properties.editors = steps
  own.properties.slices.items.properties.sources.items.properties.editors = steps
  own.properties.merger = nameIn(mergers, own.properties.merger.description)
  own.required = ['merger']
  const theirs: any = lenient(own)
  const { description } = own.properties.merge_method
  theirs.properties.merge_method = { description, enum: methods.map(({ name }) => name) }
  const { $schema, ...rest } = own
  return {
    $schema,
    type: 'object',
    if: { required: ['merge_method'] },
    // biome-ignore lint/suspicious/noThenProperty: a key of JSON Schema
    then: { ...theirs, allOf: methods.map(({ name, ...method }) => whereKey('merge_method', name, explained(method))) },
    else: {
      ...rest,
      allOf: mergers.map(({ name, ...merger }) =>
        whereKey('merger', name, explained({ options: merger.options, model: merger.modelOptions })),
      ),
    },
  }
}

type Method = Pick<(typeof methods)[number], 'options' | 'model'>

/** The parameters of the merge and of its models, by their descriptions: what a value may be depends on filters and gradients. */
function explained({ options, model }: Method): JsonSchema {
  const ofModel = lenient({ properties: optionsIn(model).properties })
  const ofAll = lenient({ properties: { ...optionsIn(options).properties, ...ofModel.properties } })
  const source: JsonSchema = { properties: { parameters: ofModel } }
  const slice: JsonSchema = { properties: { parameters: ofAll, sources: { items: source } } }
  return { properties: { parameters: ofAll, models: { items: source }, slices: { items: slice } } }
}
