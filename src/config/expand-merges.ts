// Merge entries of the YAML → merges: every combination of the listed fine-tunes, edits and option values, for every base. The
// paths of errors begin at the entry.
import { type Path, UserError, unknown, within } from '../errors/index.js'
import { type Convention, dataOf, parseMerging } from '../mergers/index.js'
import type { Registry } from '../registry/index.js'
import type { Merge, MergeEdit } from './edit.js'
import { combinations, expandSteps } from './expand-edits.js'
import { type ModelPair, postName } from './pair.js'
import { MERGE_KEYS, type ParsedExperiment } from './schema.js'

type Entry = ParsedExperiment['merges'][number]

/** The merges of one entry, in order: posts vary slowest, then the edit, then the options. */
export function expandMerge(entry: Entry, models: readonly ModelPair[], registry: Registry): MergeEdit[] {
  const nested = Array.isArray(entry.posts[0])
  const lists = (nested ? entry.posts : [entry.posts]) as string[][]
  const edits = within(['edit'], () => editsBefore(entry.edit, registry))
  const settings = combinations(entry, MERGE_KEYS)
  return lists.flatMap((names, i) =>
    within(nested ? ['posts', i] : ['posts'], () => findPosts(names, models)).flatMap((posts) =>
      edits.flatMap((edit) =>
        settings.map((given): MergeEdit => {
          const merge = {
            ...readMerging(registry.merger, entry.merger, given, names),
            posts,
            tasks: findTasks(entry, posts, models),
          }
          const label = entry.label ?? [edit.editor, entry.merger].filter(Boolean).join('+')
          return { ...edit, label, on: 'delta', tensors: { include: [], exclude: [] }, merge }
        }),
      ),
    ),
  )
}

/** What is done to every delta before the merge. */
function editsBefore(
  given: Entry['edit'],
  registry: Registry,
): Pick<MergeEdit, 'editor' | 'steps' | 'stochastic' | 'needsGradient' | 'entryBits'>[] {
  if (!given) return [{ editor: null, steps: [], stochastic: false, needsGradient: false, entryBits: null }]
  const edits = expandSteps(given, ['editor', 'chain'], registry)
  if (edits.some(({ needsGradient }) => needsGradient))
    throw new UserError('an edit before a merge cannot need a gradient', { path: [] })
  return edits
}

/** The posts of these names, of every base that has them all. */
function findPosts(names: readonly string[], models: readonly ModelPair[]): ModelPair[][] {
  const known = [...new Set(models.map(postName))]
  names.forEach((name, i) => {
    if (!known.includes(name)) throw unknown('post', name, known).at(i)
    if (names.indexOf(name) < i) throw new UserError(`the post ${name} is listed twice`, { path: [i] })
  })
  const bases = [...new Set(models.map((pair) => pair.baseFolder))]
  const found = bases
    .map((base) => names.map((name) => models.filter((pair) => pair.baseFolder === base && postName(pair) === name)))
    .filter((posts) => posts.every((pairs) => pairs.length > 0))
  if (found.length === 0)
    throw new UserError(`${names.join(', ')} are not fine-tunes of one base: none of the models' bases has them all`, {
      path: [],
    })
  return found.map((posts) => posts.map(onlyFolder))
}

/** A post may be listed with several tasks, but its name must refer to one folder. */
function onlyFolder([first, ...others]: readonly ModelPair[]): ModelPair {
  const other = others.find((pair) => pair.postFolder !== first!.postFolder)
  if (other)
    throw new UserError(
      `${postName(other)} is two fine-tunes, ${first!.post} and ${other.post}: rename one of the folders`,
      { path: [] },
    )
  return first!
}

function findTasks(
  { tasks }: Entry,
  posts: readonly ModelPair[],
  models: readonly ModelPair[],
): readonly string[] | null {
  if (!tasks) return null
  const siblings = models.filter((pair) => pair.baseFolder === posts[0]!.baseFolder)
  if (tasks === 'own') {
    const own = siblings.filter((pair) => posts.some((post) => post.postFolder === pair.postFolder))
    return [...new Set(own.flatMap((pair) => pair.tasks.map(({ source }) => source)))]
  }
  const known = siblings.flatMap((pair) => pair.tasks)
  return tasks.map((given, i) => {
    const found = known.find((task) => task.given === given)
    if (!found) throw unknown('task of the models', given, [...new Set(known.map((task) => task.given))]).at('tasks', i)
    return found.source
  })
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Options as given, separated into those of the merger and those of each model, and parsed by the merger. */
function readMerging(
  mergerNamed: Registry['merger'],
  name: string,
  { convention, ...given }: Record<string, unknown>,
  posts: readonly string[],
): Omit<Merge, 'posts' | 'tasks'> {
  const merger = within(['merger'], () => mergerNamed(name))
  const [ofMerge, ofModel] = [Object.keys(merger.options.shape), Object.keys(merger.modelOptions.shape)]
  const stray = Object.keys(given).find((key) => ![...ofMerge, ...ofModel].includes(key))
  if (stray) throw unknown(`option of ${name}`, stray, [...ofMerge, ...ofModel, ...MERGE_KEYS, 'convention']).at(stray)
  const options = Object.fromEntries(Object.entries(given).filter(([key]) => ofMerge.includes(key)))
  const keys = ofModel.filter((key) => key in given)
  const models = posts.map((post) =>
    Object.fromEntries(keys.map((key) => [key, within([key], () => valueFor(post, given[key], posts))])),
  )
  // The entry has the options of the merge and of its models side by side; those of one model may be in a section.
  const inEntry = ([whose, ...path]: Path): Path => {
    if (whose === 'options') return path
    if (whose !== 'models') return whose === undefined ? [] : [whose]
    const [model, ...option] = path
    if (model === undefined) return ['posts']
    return isSection(given[String(option[0])]) ? [...option, posts[Number(model)]!] : option
  }
  const merging = within(inEntry, () =>
    parseMerging(merger, { convention: convention as Convention | undefined, options, models }),
  )
  return {
    merger: name,
    convention: merging.convention,
    options: merging.options,
    modelOptions: merging.modelOptions,
    data: dataOf(merger) ?? (merger.gating?.routed(merging.options) ? 'prompts' : null),
  }
}

/** The value of an option for one post: its own, where a section gives each post one (the default where it leaves it out). */
function valueFor(post: string, value: unknown, posts: readonly string[]): unknown {
  if (!isSection(value)) return value
  const stray = Object.keys(value).find((name) => !posts.includes(name))
  if (stray) throw unknown('post of this merge', stray, posts).at(stray)
  return value[post]
}
