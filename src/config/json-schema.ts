// JSON Schema of an experiment and of a training recipe: the schemas of the code, with the options of the editors and mergers that
// a registry knows.
import type { Registry } from '../registry/index.js'
import {
  closed,
  editorStep,
  type JsonSchema,
  jsonSchemaOf,
  mapValues,
  nameIn,
  oneOrMany,
  optionsByEditor,
  optionsIn,
  whereKey,
} from '../schema/index.js'
import { ENTRY_KEYS, experimentSchema, MERGE_KEYS } from './schema.js'
import { trainingSchema } from './training.js'

/** The JSON Schema of a recipe of `deltalab train`. */
export const trainingJsonSchema = (): JsonSchema => jsonSchemaOf(trainingSchema)

/** The JSON Schema of an experiment. */
export function experimentJsonSchema({ editors, mergers }: Pick<Registry, 'editors' | 'mergers'>): JsonSchema {
  const schema = jsonSchemaOf(experimentSchema) as any
  const { editors: entries, merges } = schema.properties
  entries.items = editorEntry(entries.items, editors, ENTRY_KEYS)
  merges.items.properties.edit = editorEntry(merges.items.properties.edit, editors, ['editor', 'chain'])
  merges.items.properties.merger = nameIn(mergers, merges.items.properties.merger.description)
  merges.items.allOf = mergers.map((merger) => {
    const ofMerge = optionsIn(merger.options)
    const ofModel = optionsIn(merger.modelOptions)
    const options = { ...mapValues(ofModel.properties, forEach), ...mapValues(ofMerge.properties, oneOrMany) }
    return whereKey('merger', merger.name, closed([...MERGE_KEYS, 'convention'], options, ofMerge.required))
  })
  return schema
}

/** An entry with an editor or a chain. */
function editorEntry(entry: any, editors: Registry['editors'], keys: readonly string[]): JsonSchema {
  const { chain } = entry.properties
  const properties = { ...entry.properties, editor: nameIn(editors, entry.properties.editor.description) }
  properties.chain = { ...chain, items: editorStep(editors, oneOrMany) }
  return { ...entry, properties, allOf: optionsByEditor(editors, keys, oneOrMany) }
}

/** A value for all posts, a value for each, or a list of those. */
function forEach(option: JsonSchema): JsonSchema {
  const { description, default: usual, ...value } = option
  return oneOrMany({
    ...(description !== undefined && { description }),
    ...(usual !== undefined && { default: usual }),
    anyOf: [value, { type: 'object', additionalProperties: value }],
  })
}
