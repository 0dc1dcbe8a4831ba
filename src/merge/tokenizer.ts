// The tokenizer and the chat template of a merged model, as mergekit chooses them, and its models in that tokenizer's vocabulary.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { companionsOf, rewriteJson } from '../checkpoint/index.js'
import { UserError, unknown } from '../errors/index.js'
import { readObject, readText } from '../schema/index.js'
import { cutVocabulary, joinVocabularies, readVocabulary, type Vocabulary } from '../tokenizer/vocabulary.js'
import { rowsOf, type Speaker, type Told, translate } from './embeddings.js'
import type { Model, Models } from './open.js'
import type { ErrorAt, Path } from './parameters.js'
import type { MergeFile } from './schema.js'
import { chooseTemplate } from './template.js'

export interface Chosen {
  /** The models, in the vocabulary of the tokenizer. */
  models: Models
  /** Folder whose tokenizer is copied, and texts that stand in place of its files (null: the file is left out). */
  tokenizerFrom: string
  files: Record<string, string | null>
}

type Section = NonNullable<MergeFile['tokenizer']>

/** Files of slow tokenizers, which would say what tokenizer.json no longer says. */
const SLOW = [
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'added_tokens.json',
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
]

/** @throws UserError with file, line and column, from tokenizer files and headers alone */
export async function chooseTokenizer(config: MergeFile, models: Models, errorAt: ErrorAt): Promise<Chosen> {
  const { tokenizer, tokenizer_source: source } = config
  if (tokenizer && source !== undefined)
    throw errorAt(['tokenizer'], 'cannot stand beside tokenizer_source; give one of them')
  const section = tokenizer ?? (source === undefined ? undefined : { source })
  const path = tokenizer ? ['tokenizer'] : ['tokenizer_source']
  const chosen = section
    ? await speakOne(section, path, config, models, errorAt)
    : { models, tokenizerFrom: companionsOf(models.all[0]!.checkpoint), files: {} }
  return {
    ...chosen,
    files: { ...chosen.files, ...(await chooseTemplate(config.chat_template, models, chosen, errorAt)) },
  }
}

async function speakOne(
  section: Section,
  path: Path,
  config: MergeFile,
  models: Models,
  errorAt: ErrorAt,
): Promise<Chosen> {
  const { source, tokens = {}, pad_to_multiple_of: multiple = 1 } = section
  const placed = <T>(at: Path, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw error instanceof UserError ? errorAt(at, error.message) : error
    }
  }
  const sourcePath = config.tokenizer ? [...path, 'source'] : path
  const reference = models.all[0]!
  const named = source === 'union' || source === 'base' ? reference : models.of(source)
  if (!named) throw errorAt(sourcePath, `must be base, union or a model of this file; got ${JSON.stringify(source)}`)
  const tokenizerFrom = companionsOf(named.checkpoint)

  const vocabularies = new Map<Model, Vocabulary>()
  for (const model of models.all) {
    const found = await readVocabulary(companionsOf(model.checkpoint))
    if (found)
      vocabularies.set(
        model,
        placed(path, () => cutVocabulary(found, rowsOf(model) ?? Infinity)),
      )
  }
  // Nobody has a tokenizer: there is nothing to bring together, and nothing to copy.
  if (vocabularies.size === 0 && config.tokenizer_source !== undefined) return { models, tokenizerFrom, files: {} }
  const own = vocabularies.get(named)
  if (!own) throw errorAt(sourcePath, `${named.label} has no tokenizer.json`)
  const common = vocabularies.get(reference) ?? own
  const others = source === 'union' ? models.all.flatMap((model) => vocabularies.get(model) ?? []) : []
  const joined = placed(sourcePath, () => joinVocabularies(own, others, Object.keys(tokens)))

  const speakers = models.all.map((model): Speaker => {
    const [{ ids }, rows] = [vocabularies.get(model) ?? common, rowsOf(model)]
    if (rows === null) throw errorAt(path, `${model.label} has no embedding of tokens`)
    return { model, ids: new Map([...ids].filter(([, id]) => id < rows)) }
  })
  const told = new Map(
    Object.entries(tokens).map(([token, given]) => [
      token,
      {
        force: given.force,
        origin: readOrigin(token, given.source, [...path, 'tokens', token, 'source'], speakers, models, errorAt),
      },
    ]),
  )
  const target = {
    ids: joined.ids,
    rows: Math.ceil(joined.size / multiple) * multiple,
    base: config.base_model === undefined ? null : reference,
    told,
  }
  const ofTokens = ['bos_token_id', 'eos_token_id', 'pad_token_id']
  const changes = Object.fromEntries(
    Object.entries(named.checkpoint.config ?? {}).filter(([key]) => ofTokens.includes(key)),
  )
  const views = translate(speakers, target, changes)
  const data = [...(config.models ?? []), ...(config.slices ?? []).flatMap(({ sources }) => sources)].some(
    (entry) => entry.data !== undefined,
  )
  if (data && views.get(reference) !== reference)
    throw errorAt(path, 'changes the rows of the embeddings, for which `data` then has none; leave one of them out')
  const stored = await readVocabulary(tokenizerFrom)
  const files =
    stored!.size === joined.size && stored!.ids.size === joined.ids.size
      ? {}
      : await writeTokenizer(joined, tokenizerFrom)
  const viewOf = (model: Model): Model => views.get(model) ?? model
  return {
    tokenizerFrom,
    files,
    models: { ...models, of: (text) => models.of(text) && viewOf(models.of(text)), all: models.all.map(viewOf) },
  }
}

function readOrigin(
  token: string,
  source: NonNullable<Section['tokens']>[string]['source'],
  path: Path,
  speakers: readonly Speaker[],
  models: Models,
  errorAt: ErrorAt,
): Told['origin'] {
  if (typeof source === 'object' && source.kind === 'zero') return null
  const name = typeof source === 'string' ? source : source.model
  const speaker = speakers.find(({ model }) => model === models.of(name))
  if (!speaker) throw errorAt(path, unknown('model of this file', name, models.names).message)
  const word = typeof source === 'string' ? token : source.token
  const id = word === undefined ? (source as { token_id: number }).token_id : speaker.ids.get(word)
  if (id === undefined) throw errorAt(path, `${speaker.model.label} has no token ${JSON.stringify(word)}`)
  const rows = rowsOf(speaker.model)!
  if (id >= rows) throw errorAt([...path, 'token_id'], `${id} is beyond the ${rows} rows of ${speaker.model.label}`)
  return { model: speaker.model, id }
}

/** tokenizer.json, and what tokenizer_config.json repeats of it. */
async function writeTokenizer({ file }: Vocabulary, tokenizerFrom: string): Promise<Record<string, string | null>> {
  const files: Record<string, string | null> = {
    ...Object.fromEntries(SLOW.map((name) => [name, null])),
    'tokenizer.json': `${JSON.stringify(file)}\n`,
  }
  const config = join(tokenizerFrom, 'tokenizer_config.json')
  if (!existsSync(config)) return files
  const settings = (file.added_tokens ?? []).map(({ id, ...token }) => [id, token])
  const text = rewriteJson(readText(config), {
    ...readObject(config),
    added_tokens_decoder: Object.fromEntries(settings),
  })
  return { ...files, 'tokenizer_config.json': `${text.trimEnd()}\n` }
}
