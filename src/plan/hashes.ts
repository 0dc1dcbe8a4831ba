// The content of what runs are computed from: a hash of every file and every task, and which of them a run depends on.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkpoint, companionsOf, hashFile, homeOf, madeFile } from '../checkpoint/index.js'
import type { ModelPair } from '../config/index.js'
import { type FileStates, fileState } from '../files/index.js'
import { openModels } from '../sources/index.js'
import { imageFile, sourceOfTask, type Task, type TextItem } from '../tasks/index.js'
import { tokenizerFiles } from '../tokenizer/index.js'
import type { ModelInputs } from './inputs.js'
import { pairKey, type Run } from './plan.js'

export interface InputHashes {
  /** SHA-256 of every weight, tokenizer and task file that rows depend on, by the path that the YAML gives. */
  hashes: Record<string, string>
  /** Names of those that a run depends on, and the folders that they lie in. */
  of(run: Run): { inputs: string[]; folders: string[] }
  /** The content of each pair, by its key. */
  contents: Record<string, PairContent>
}

/** The content of a pair: digests of all that measurements of its models depend on. */
export interface PairContent {
  /** Of the base model, which may have tensors of the post-trained one. */
  base: string
  post: string
  /** Of its tasks, by their sources. */
  tasks: Readonly<Record<string, string>>
  /** The files that all this was read from, as they were then. */
  states: Readonly<FileStates>
}

/** What one model of the experiment is made of: names of files, and of each task's content by its source. */
interface Names {
  files: string[]
  tasks: Map<string, string>
}

/** What is hashed of a model. */
export type HashedModel = Pick<ModelInputs, 'pair' | 'tasks' | 'tokenizer'>

/** Hashes all inputs of an experiment, each file once. */
export async function hashInputs(inputs: readonly HashedModel[]): Promise<InputHashes> {
  const hashes: Record<string, string> = {}
  const names = new Map<string, Names>()
  const contents: Record<string, PairContent> = {}
  const states: FileStates = {}
  const hash = rememberHashes(states)
  for (const { pair, tasks, tokenizer } of inputs) {
    const files = new Set<string>()
    const add = (given: string, found: Files) => {
      for (const [file, value] of found) {
        files.add(`${given}/${file}`)
        if (value !== undefined) hashes[`${given}/${file}`] = value
      }
    }
    const [base, post] = await openModels(pair.baseFolder, pair.postFolder, { tokenizer: pair.tokenizerFolder })
    try {
      add(pair.base, Object.entries(await base.hashes(hash)))
      add(pair.post, await hashModel(post, tasks, hash))
      // Of a model of images the base may have a tokenizer, for the names of its classes.
      if ('deviation' in tokenizer)
        add(pair.base, await hashFiles(companionsOf(base), tokenizerFiles(companionsOf(base)), hash))
    } finally {
      await Promise.all([base.close(), post.close()])
    }
    if (pair.head) {
      files.add(`${pair.post}: head`)
      hashes[`${pair.post}: head`] = digest([hashes[`${pair.post}: head`] ?? '', pair.head])
    }
    const ofTasks = new Map<string, string>()
    const taskHashes: Record<string, string> = {}
    for (const { source, task } of tasks) {
      const content = await hashTask(task, hash)
      const file = sourceOfTask(source)
      if (existsSync(file)) states[file] ??= await fileState(file)
      // Models may have tasks of one name that differ, such as one asked in a chat.
      const first = `task ${task.name}`
      const name = (hashes[first] ?? content) === content ? first : `${first} of ${pair.name}`
      hashes[name] = content
      ofTasks.set(source, name)
      taskHashes[source] = content
    }
    const key = pairKey(pair)
    const digests = contentOf(pair, [...files], hashes, { ...contents[key]?.tasks, ...taskHashes })
    contents[key] = { ...digests, states }
    names.set(key, mergeNames(names.get(key), { files: [...files], tasks: ofTasks }))
  }
  return { hashes, of: (run) => dependenciesOf(run, names), contents }
}

/** Files with their hashes; without one where there is no such file. */
type Files = [file: string, hash: string | undefined][]
type HashFile = (path: string) => Promise<string>

const hashFiles = (folder: string, names: readonly string[], hash: HashFile): Promise<Files> =>
  Promise.all(
    names.map(async (name) => [name, existsSync(join(folder, name)) ? await hash(join(folder, name)) : undefined]),
  )

/** The files of a model that its measurements on these tasks depend on. */
async function hashModel(checkpoint: Checkpoint, tasks: HashedModel['tasks'], hash: HashFile): Promise<Files> {
  const folder = companionsOf(checkpoint)
  const has = (kind: Task['kind']) => tasks.some(({ task }) => task.kind === kind)
  return [
    ...Object.entries(await checkpoint.hashes(hash)),
    ...(await hashFiles(folder, has('images') ? [imageFile(folder) ?? []].flat() : tokenizerFiles(folder), hash)),
    ...(has('generate') ? await hashFiles(homeOf(checkpoint), ['generation_config.json'], hash) : []),
  ]
}

/**
 * The content of one model and one task, as that of a post-trained model in a pair; null for an adapter, which is nothing without
 * its base.
 */
export async function contentOfModel(checkpoint: Checkpoint, source: string, task: Task): Promise<PairContent | null> {
  const states: FileStates = {}
  const hash = rememberHashes(states)
  const files = await hashModel(checkpoint, [{ source, task }], hash)
  if (files.some(([file]) => file === ADAPTER)) return null
  const post = digest([[], files])
  return { base: post, post, tasks: { [source]: await hashTask(task, hash) }, states }
}

/** The file that makes a folder one of an adapter. */
const ADAPTER = 'adapter_config.json'

/** Paths do not matter. An adapter is nothing without its base. */
function contentOf(
  { base, post, head = [] }: ModelPair,
  names: readonly string[],
  hashes: Readonly<Record<string, string>>,
  tasks: PairContent['tasks'],
): Omit<PairContent, 'states'> {
  const within = (folder: string): Files =>
    names.filter((name) => name.startsWith(`${folder}/`)).map((name) => [name.slice(folder.length + 1), hashes[name]])
  const [ofBase, ofPost] = [within(base), within(post)]
  const adapter = ofPost.some(([name]) => name === ADAPTER)
  return { base: digest([ofBase, ofPost, head]), post: digest([adapter ? ofBase : [], ofPost]), tasks }
}

/** Entries of one pair may list its tasks one by one. */
const mergeNames = (one: Names | undefined, other: Names): Names => ({
  files: [...new Set([...(one?.files ?? []), ...other.files])],
  tasks: new Map([...(one?.tasks ?? []), ...other.tasks]),
})

/** A merge depends on all its posts; where its merger learns from data, on their tasks, too. */
function dependenciesOf({ pair, task, edit }: Run, names: ReadonlyMap<string, Names>) {
  const of = (each: ModelPair) => names.get(pairKey(each))!
  const { posts, data } = edit.merge ?? { posts: [], data: null }
  const tasks = data ? posts.flatMap((post) => [...of(post).tasks.values()]) : []
  return {
    inputs: [
      ...new Set([...[pair, ...posts].flatMap((each) => of(each).files), of(pair).tasks.get(task.source)!, ...tasks]),
    ],
    folders: [...new Set([pair, ...posts].flatMap(({ base, post }) => [base, post]))],
  }
}

/** Hashes a file once, however often it is named, and notes its state before. */
function rememberHashes(states: FileStates): HashFile {
  const known = new Map<string, Promise<string>>()
  const noteAndHash = async (path: string) => {
    const source = madeFile(path)?.source ?? path
    states[source] = await fileState(source)
    return hashFile(path)
  }
  return (path) => {
    if (!known.has(path)) known.set(path, noteAndHash(path))
    return known.get(path)!
  }
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** Images are hashed by their bytes: their paths do not matter. */
async function hashTask(task: Task, hash: HashFile): Promise<string> {
  const images = new Map<string, string>()
  if (task.kind === 'images')
    for (const { image } of task.items) if (!images.has(image)) images.set(image, await hash(image))
  const items =
    task.kind === 'images'
      ? task.items.map((item) => ({ ...item, image: images.get(item.image) }))
      : task.kind === 'text'
        ? await hashTexts(task.whole ? [task.whole] : task.items, hash)
        : task.items
  // A task of generated text is hashed without its kind, as in the first version.
  const kind = task.kind === 'generate' ? undefined : task.kind
  return digest({ ...task, kind, items, whole: undefined })
}

/** A text that is not held is hashed by its file. */
const hashTexts = (items: readonly TextItem[], hash: HashFile) =>
  Promise.all(items.map(async ({ file, ...item }) => (file === undefined ? item : { ...item, file: await hash(file) })))
