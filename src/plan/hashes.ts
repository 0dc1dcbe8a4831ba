// The content of what runs are computed from: a hash of every file and every task, and which of them a run depends on.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { companionsOf, hashFile, homeOf, openModels } from '../checkpoint/index.js'
import type { ModelPair } from '../config/index.js'
import { readerFile } from '../evaluate/index.js'
import type { Task } from '../tasks/index.js'
import type { ModelInputs } from './inputs.js'
import { pairKey, type Run } from './plan.js'

export interface InputHashes {
  /** SHA-256 of every weight, tokenizer and task file that rows depend on, by the path that the YAML gives. */
  hashes: Record<string, string>
  /** Names of those that a run depends on, and the folders that they lie in. */
  of(run: Run): { inputs: string[]; folders: string[] }
}

/** What one model of the experiment is made of: names of files, and of each task's content by its source. */
interface Names {
  files: string[]
  tasks: Map<string, string>
}

/** Hashes all inputs of an experiment, each file once. */
export async function hashInputs(inputs: readonly ModelInputs[]): Promise<InputHashes> {
  const hashes: Record<string, string> = {}
  const names = new Map<string, Names>()
  const hash = rememberHashes()
  for (const { pair, tasks, tokenizer } of inputs) {
    const files = new Set<string>()
    const add = async (given: string, file: string, path: string) => {
      const name = `${given}/${file}`
      files.add(name)
      if (existsSync(path)) hashes[name] = await hash(path)
    }
    const [base, post] = await openModels(pair.baseFolder, pair.postFolder)
    for (const [given, checkpoint] of [
      [pair.base, base],
      [pair.post, post],
    ] as const) {
      for (const [file, found] of Object.entries(await checkpoint.hashes(hash))) {
        files.add(`${given}/${file}`)
        hashes[`${given}/${file}`] = found
      }
      await checkpoint.close()
    }
    const companions = companionsOf(post)
    const images = 'deviation' in tokenizer
    // Of a model of images the base may have a tokenizer, for the names of its classes.
    const [reads, folder] = images ? [pair.base, companionsOf(base)] : [pair.post, companions]
    await add(pair.post, readerFile(companions), join(companions, readerFile(companions)))
    if (images) await add(reads, 'tokenizer.json', join(folder, 'tokenizer.json'))
    await add(reads, 'tokenizer_config.json', join(folder, 'tokenizer_config.json'))
    if (tasks.some(({ task }) => task.kind === 'generate'))
      await add(pair.post, 'generation_config.json', join(homeOf(post), 'generation_config.json'))
    if (pair.head) {
      files.add(`${pair.post}: head`)
      hashes[`${pair.post}: head`] = digest([hashes[`${pair.post}: head`] ?? '', pair.head])
    }
    const ofTasks = new Map<string, string>()
    for (const { source, task } of tasks) {
      const content = await hashTask(task, hash)
      // Models may have tasks of one name that differ, such as one asked in a chat.
      const first = `task ${task.name}`
      const name = (hashes[first] ?? content) === content ? first : `${first} of ${pair.name}`
      hashes[name] = content
      ofTasks.set(source, name)
    }
    names.set(pairKey(pair), mergeNames(names.get(pairKey(pair)), { files: [...files], tasks: ofTasks }))
  }
  return { hashes, of: (run) => dependenciesOf(run, names) }
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

/** Hashes a file once, however often it is named. */
function rememberHashes(): (path: string) => Promise<string> {
  const known = new Map<string, Promise<string>>()
  return (path) => {
    if (!known.has(path)) known.set(path, hashFile(path))
    return known.get(path)!
  }
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** Images are hashed by their bytes: their paths do not matter. */
async function hashTask(task: Task, hash: (path: string) => Promise<string>): Promise<string> {
  const images = new Map<string, string>()
  if (task.kind === 'images')
    for (const { image } of task.items) if (!images.has(image)) images.set(image, await hash(image))
  const items =
    task.kind === 'images' ? task.items.map((item) => ({ ...item, image: images.get(item.image) })) : task.items
  // A task of generated text is hashed without its kind, as in the first version.
  const kind = task.kind === 'generate' ? undefined : task.kind
  return digest({ ...task, kind, items })
}
