// mergekit's YAML as pydantic reads it there: forms that stand for another, and keys that it passes over. What is left is checked
// by the schema of merge files. (From the configuration of mergekit 0.1.5.)
import { hintFor, type Path, UserError } from '../errors/index.js'
import { isObject } from '../schema/index.js'
import { asNumber, asTruth } from './pydantic.js'
import { KEYS } from './schema.js'

/** Is told of a key that is passed over. */
export type PassOver = (path: Path, why: string) => void

type Mapping = Record<string, unknown>

const isMapping = (value: unknown): value is Mapping => isObject(value) && !(value instanceof Date)

/** Whether a document is a file of mergekit: it names a method, and no merger of ours. */
export const isMergekit = (value: unknown): value is Mapping => isMapping(value) && 'merge_method' in value

/** What users mean by keys that mergekit does not have. */
const MEANT: Readonly<Record<string, string>> = {
  random_seed: 'the seed is --random-seed (--seed), or `seed` in the file',
  merge_method: 'the method of the whole file counts',
  embed_slerp: 'embeddings are merged as all other weights',
  layer_range: 'layers are chosen with slices',
  override_architecture: 'the names of the tensors say what is merged with what',
}

/** The keys that are known; the others are passed over. */
function known(value: Mapping, keys: readonly string[], path: Path, passOver: PassOver): Mapping {
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => {
      if (keys.includes(key)) return true
      const hint = MEANT[key] ?? hintFor('key', key, keys)
      passOver([...path, key], `mergekit has no such key here, and it has no effect${hint ? `; ${hint}` : ''}`)
      return false
    }),
  )
}

/** Without those of these keys that are null, which means that nothing is given. */
const given = (value: Mapping, optional: readonly string[]): Mapping =>
  Object.fromEntries(Object.entries(value).filter(([key, each]) => each !== null || !optional.includes(key)))

/** The keys of the whole file that may be null in mergekit. */
const OPTIONAL = [
  'models',
  'slices',
  'modules',
  'base_model',
  'dtype',
  'out_dtype',
  'tokenizer_source',
  'tokenizer',
  'chat_template',
  'parameters',
]

const eachOf = (value: unknown, read: (each: unknown, path: Path) => unknown, path: Path): unknown =>
  Array.isArray(value) ? value.map((each, i) => read(each, [...path, i])) : value

/** A reference to a model as text: `path@revision+adapter@revision`. */
function readModel(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value) || value.model === undefined) return value
  const { model, lora = null } = known(value, ['model', 'lora'], path, passOver)
  const parts = [
    readPlace(model, [...path, 'model'], passOver),
    ...(lora === null ? [] : [readPlace(lora, [...path, 'lora'], passOver)]),
  ]
  return parts.every((part) => typeof part === 'string') ? parts.join('+') : value
}

function readPlace(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  const { path: place, revision = null } = known(value, ['path', 'revision'], path, passOver)
  if (typeof place !== 'string') throw new UserError('needs `path`: a folder or a name on the hub', { path })
  if (revision !== null && typeof revision !== 'string')
    throw new UserError(`must be text; got ${String(revision)} (write it in quotes)`, { path: [...path, 'revision'] })
  return revision === null ? place : `${place}@${revision}`
}

/** A bare `{filter, value}` is a list of one; an empty list gives nothing. */
function readSetting(value: unknown, path: Path, passOver: PassOver): unknown {
  const one = (entry: unknown, at: Path): unknown =>
    isMapping(entry) ? given(known(entry, ['filter', 'value'], at, passOver), ['filter']) : entry
  if (isMapping(value)) return [one(value, path)]
  return eachOf(value, one, path)
}

function readParameters(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, setting]) => [name, readSetting(setting, [...path, name], passOver)]),
  )
}

/** What pydantic takes for a whole number: one in quotes, perhaps with a fraction of 0, and a truth value. */
const readCount = (value: unknown): unknown =>
  typeof value === 'boolean' || (typeof value === 'string' && /^\s*[-+]?\d+(\.0*)?\s*$/.test(value))
    ? Number(value)
    : value

/** `drop_rate: 5e-1` is text in YAML 1.1; an option of an editor means the number. */
const readEditor = (value: unknown): unknown =>
  isMapping(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, typeof each === 'string' ? asNumber(each) : each]),
      )
    : value

/** A model of `models`, or a source of a slice. */
function readEntry(value: unknown, keys: readonly string[], path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  const entry = given(known(value, keys, path, passOver), ['parameters'])
  return {
    ...entry,
    ...(entry.model !== undefined && { model: readModel(entry.model, [...path, 'model'], passOver) }),
    ...(entry.parameters !== undefined && {
      parameters: readParameters(entry.parameters, [...path, 'parameters'], passOver),
    }),
    ...(entry.editors !== undefined && { editors: eachOf(entry.editors, readEditor, path) }),
    ...(entry.layer_range !== undefined && { layer_range: eachOf(entry.layer_range, readCount, path) }),
  }
}

function readSlice(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  const { residual_weight: residual, ...slice } = given(
    known(value, [...KEYS.slice, 'residual_weight'], path, passOver),
    ['residual_weight', 'parameters', 'base_model'],
  )
  if (residual !== undefined) passOver([...path, 'residual_weight'], 'mergekit reads it and does nothing with it')
  return {
    ...slice,
    sources: eachOf(slice.sources, (each, at) => readEntry(each, KEYS.source, at, passOver), [...path, 'sources']),
    ...(slice.parameters !== undefined && {
      parameters: readParameters(slice.parameters, [...path, 'parameters'], passOver),
    }),
    ...(slice.base_model !== undefined && {
      base_model: readModel(slice.base_model, [...path, 'base_model'], passOver),
    }),
  }
}

/** Models and slices, at the top or of a module; empty lists are none. */
function readLists(value: Mapping, path: Path, passOver: PassOver): Mapping {
  const { models, slices, ...rest } = value
  const isEmpty = (list: unknown): boolean => list === undefined || (Array.isArray(list) && list.length === 0)
  const model = (each: unknown, at: Path) => readEntry(each, KEYS.model, at, passOver)
  const slice = (each: unknown, at: Path) => readSlice(each, at, passOver)
  return {
    ...rest,
    ...(!isEmpty(models) && { models: eachOf(models, model, [...path, 'models']) }),
    ...(!isEmpty(slices) && { slices: eachOf(slices, slice, [...path, 'slices']) }),
    ...(rest.parameters !== undefined && {
      parameters: readParameters(rest.parameters, [...path, 'parameters'], passOver),
    }),
  }
}

/** A model has one module in mergekit, `default`, unless it is made of several; then they cannot be merged separately here. */
function readModules(top: Mapping, passOver: PassOver): Mapping {
  const { modules, ...rest } = top
  if (!isMapping(modules) || Object.keys(modules).length === 0) return rest
  const [[name, module], ...others] = Object.entries(modules) as [[string, unknown], ...unknown[]]
  if (others.length || name !== 'default')
    throw new UserError(
      `names the parts of a model (${Object.keys(modules).join(', ')}), which are not merged separately here; give models or slices`,
      { path: ['modules'] },
    )
  if (rest.models !== undefined || rest.slices !== undefined)
    throw new UserError('cannot stand beside `models` or `slices`; give one of them', { path: ['modules'] })
  if (!isMapping(module)) throw new UserError('must be a mapping with models or slices', { path: ['modules', name] })
  const path = ['modules', name]
  const { parameters, ...lists } = readLists(
    given(known(module, KEYS.module, path, passOver), KEYS.module),
    path,
    passOver,
  )
  return { ...rest, ...lists, parameters: joinParameters(parameters, rest.parameters) }
}

/** Parameters whose settings are looked up in those of `first`, then in those of `second`. */
function joinParameters(first: unknown, second: unknown): unknown {
  if (!isMapping(first) || !isMapping(second)) return first ?? second
  const listOf = (setting: unknown): unknown[] =>
    Array.isArray(setting) && setting.every(isMapping) ? setting : setting === undefined ? [] : [{ value: setting }]
  return Object.fromEntries(
    [...new Set([...Object.keys(first), ...Object.keys(second)])].map((name) => [
      name,
      [...listOf(first[name]), ...listOf(second[name])],
    ]),
  )
}

/** Where the row of a token comes from: nothing, one token of a model, or the model's row of this token. */
function readRow(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  if (value.kind === 'zero') return known(value, ['kind'], path, passOver)
  const row = given(value, ['token', 'token_id'])
  // Without one of the two, or with both, mergekit sees the model alone.
  if (row.kind !== 'model_token' || (row.token === undefined) === (row.token_id === undefined))
    return readModel(value, path, passOver)
  return {
    ...known(row, ['kind', 'model', 'token', 'token_id'], path, passOver),
    model: readModel(row.model, [...path, 'model'], passOver),
    ...(row.token_id !== undefined && { token_id: readCount(row.token_id) }),
  }
}

function readTokenizer(value: unknown, path: Path, passOver: PassOver): unknown {
  if (!isMapping(value)) return value
  const { pad_to_multiple_of: multiple, ...section } = given(known(value, KEYS.tokenizer, path, passOver), [
    'tokens',
    'pad_to_multiple_of',
  ])
  const { source, tokens } = section
  return {
    ...section,
    ...(source !== undefined && { source: readModel(source, [...path, 'source'], passOver) }),
    ...(isMapping(tokens) && {
      tokens: Object.fromEntries(
        Object.entries(tokens).map(([token, rule]) => {
          if (!isMapping(rule)) return [token, rule]
          const at = [...path, 'tokens', token]
          const { source: row, ...how } = given(known(rule, KEYS.token, at, passOver), ['source'])
          const force = asTruth(how.force)
          return [
            token,
            {
              ...how,
              ...(row !== undefined && { source: readRow(row, [...at, 'source'], passOver) }),
              ...(force !== undefined && { force }),
            },
          ]
        }),
      ),
    }),
    ...(multiple !== undefined && multiple !== 0 && { pad_to_multiple_of: readCount(multiple) }),
  }
}

/**
 * The document as the schema of merge files has it.
 * @throws UserError with the path of what mergekit would refuse too, where the schema could not say it
 */
export function readMergekit(value: Mapping, passOver: PassOver): Mapping {
  const top = readModules(readLists(given(known(value, KEYS.top, [], passOver), OPTIONAL), [], passOver), passOver)
  const { dtype, out_dtype: out, base_model: base, tokenizer_source: source, tokenizer, chat_template: chat } = top
  // Empty text is as good as none.
  const format = (words: unknown) => (typeof words === 'string' ? words.replace(/^torch\./, '') || undefined : words)
  return {
    ...top,
    dtype: format(dtype),
    out_dtype: format(out),
    chat_template: chat === '' ? undefined : chat,
    base_model: readModel(base, ['base_model'], passOver),
    tokenizer_source: readModel(source, ['tokenizer_source'], passOver),
    tokenizer: readTokenizer(tokenizer, ['tokenizer'], passOver),
  }
}
