// Merge entries of the YAML → merges: every combination of the listed fine-tunes, edits and option values, for every base.
import { UserError, unknown } from '../errors/index.js'
import { type Convention, mergerNamed, parseMerging } from '../mergers/index.js'
import { atOption, combinations, type Edit, type ErrorAt, expandSteps, type Steps } from './edits.js'
import type { Pair } from './experiment.js'
import { postName } from './merge.js'
import { MERGE_KEYS, type ParsedExperiment } from './schema.js'

type Entry = ParsedExperiment['merges'][number]
type Path = (string | number)[]

/** All merges of the experiment, in the order of the file; posts vary slowest, then the edit, then the options. */
export function expandMerges(parsed: ParsedExperiment, models: readonly Pair[], errorAt: ErrorAt): Edit[] {
  return parsed.merges.flatMap((entry, index) => expandEntry(entry, ['merges', index], models, errorAt))
}

function expandEntry(entry: Entry, path: Path, models: readonly Pair[], errorAt: ErrorAt): Edit[] {
  const nested = Array.isArray(entry.posts[0])
  const lists = (nested ? entry.posts : [entry.posts]) as string[][]
  const edits = entry.edit ? expandSteps(entry.edit, ['editor', 'chain'], [...path, 'edit'], errorAt) : [AS_IT_IS]
  if (edits.some(({ needsGradient }) => needsGradient))
    throw errorAt([...path, 'edit'], 'an edit before a merge cannot need a gradient')
  const settings = combinations(entry, MERGE_KEYS, path, errorAt)
  return lists.flatMap((names, i) =>
    findPosts(names, models, nested ? [...path, 'posts', i] : [...path, 'posts'], errorAt).flatMap((posts) =>
      edits.flatMap((edit) =>
        settings.map((given): Edit => {
          const merge = {
            ...readMerging(entry.merger, given, names, path, errorAt),
            posts,
            tasks: findTasks(entry, posts, models, path, errorAt),
          }
          const label = entry.label ?? [edit.editor, entry.merger].filter(Boolean).join('+')
          return { ...edit, label, on: 'delta', tensors: { include: [], exclude: [] }, merge }
        }),
      ),
    ),
  )
}

const AS_IT_IS: Omit<Steps, 'editor'> & { editor: null } = {
  editor: null,
  steps: [],
  stochastic: false,
  needsGradient: false,
}

/** The posts of these names, of every base that has them all. */
function findPosts(names: readonly string[], models: readonly Pair[], path: Path, errorAt: ErrorAt): Pair[][] {
  const known = [...new Set(models.map(postName))]
  names.forEach((name, i) => {
    if (!known.includes(name)) throw errorAt([...path, i], unknown('post', name, known).message)
    if (names.indexOf(name) < i) throw errorAt([...path, i], `the post ${name} is listed twice`)
  })
  const bases = [...new Set(models.map((pair) => pair.baseFolder))]
  const found = bases
    .map((base) => names.map((name) => models.filter((pair) => pair.baseFolder === base && postName(pair) === name)))
    .filter((posts) => posts.every((pairs) => pairs.length > 0))
  if (found.length === 0)
    throw errorAt(path, `${names.join(', ')} are not fine-tunes of one base: none of the models' bases has them all`)
  for (const pairs of found.flat()) {
    const other = pairs.find((pair) => pair.postFolder !== pairs[0]!.postFolder)
    if (other)
      throw errorAt(
        path,
        `${postName(other)} is two fine-tunes, ${pairs[0]!.post} and ${other.post}: rename one of the folders`,
      )
  }
  return found.map((posts) => posts.map(([pair]) => pair!))
}

function findTasks(
  { tasks }: Entry,
  posts: readonly Pair[],
  models: readonly Pair[],
  path: Path,
  errorAt: ErrorAt,
): string[] | null {
  if (!tasks) return null
  const siblings = models.filter((pair) => pair.baseFolder === posts[0]!.baseFolder)
  if (tasks === 'own') {
    const own = siblings.filter((pair) => posts.some((post) => post.postFolder === pair.postFolder))
    return [...new Set(own.flatMap((pair) => pair.tasks.map(({ source }) => source)))]
  }
  const known = siblings.flatMap((pair) => pair.tasks)
  return tasks.map((given, i) => {
    const found = known.find((task) => task.given === given)
    if (!found)
      throw errorAt(
        [...path, 'tasks', i],
        unknown('task of the models', given, [...new Set(known.map((task) => task.given))]).message,
      )
    return found.source
  })
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Options as given, told apart by whose they are, and parsed by the merger. */
function readMerging(
  name: string,
  { convention, ...given }: Record<string, unknown>,
  names: readonly string[],
  path: Path,
  errorAt: ErrorAt,
) {
  const merger = atOption([], 'merger', path, errorAt, () => mergerNamed(name))
  const [common, ofEach] = [Object.keys(merger.options.shape), Object.keys(merger.modelOptions.shape)]
  const stray = Object.keys(given).find((key) => ![...common, ...ofEach].includes(key))
  if (stray)
    throw errorAt(
      [...path, stray],
      unknown(`option of ${name}`, stray, [...common, ...ofEach, ...MERGE_KEYS, 'convention']).message,
    )
  return atOption(['convention', ...Object.keys(given)], 'merger', path, errorAt, () => {
    const options = Object.fromEntries(Object.entries(given).filter(([key]) => common.includes(key)))
    const own = names.map((post) =>
      Object.fromEntries(
        ofEach.filter((key) => key in given).map((key) => [key, valueFor(post, key, given[key], names)]),
      ),
    )
    const merging = parseMerging(merger, { convention: convention as Convention | undefined, options, models: own })
    return {
      merger: name,
      convention: merging.convention,
      options: merging.options as Record<string, unknown>,
      own: merging.models as Record<string, unknown>[],
      data: merger.data ?? (merger.gating?.routed(merging.options) ? ('prompts' as const) : null),
    }
  })
}

/** The value of an option for one post: its own, where a section gives each post one (the default where it leaves it out). */
function valueFor(post: string, key: string, value: unknown, names: readonly string[]): unknown {
  if (!isSection(value)) return value
  const stray = Object.keys(value).find((name) => !names.includes(name))
  if (stray) throw new UserError(`${key}: ${unknown('post of this merge', stray, names).message}`)
  return value[post]
}
