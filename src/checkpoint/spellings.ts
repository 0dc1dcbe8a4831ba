// One model in two spellings: what trainers leave in names is taken out, a tensor that stands twice in a file is read once, and models
// that are compared have the names of one of them.
import { firstFew, UserError } from '../errors/index.js'
import { canonicalName, countWrappers, firstByName, type NamedConfig, plainName } from '../naming/index.js'
import type { Checkpoint } from './checkpoint.js'
import { agreeOnExperts } from './experts.js'
import { renamed, without } from './renamed.js'
import { agreeOnSides } from './turned.js'

/** A sentence names at most this many tensors. */
const NAMED = 3

/** The checkpoint without the modules of a trainer in its names, which no other program reads. */
function withoutWrappers(file: Checkpoint): Checkpoint {
  const names = [...file.tensors.keys()]
  const depth = countWrappers(names, file.config)
  const changed = names.filter((name) => plainName(name, depth) !== name)
  if (!changed.length) return file
  const plain = new Map(changed.map((name) => [plainName(name, depth), name]))
  const clash = changed.find((name) => {
    const own = plainName(name, depth)
    return plain.get(own) !== name || file.tensors.has(own)
  })
  if (clash !== undefined)
    throw new UserError(
      `${file.folder}: ${plainName(clash, depth)} is there as ${clash} too; keep one of them, since nothing says which is the model's`,
    )
  const [first] = changed as [string]
  const note = `${file.folder}: training left modules of its own in the names of ${changed.length} tensors; they are read, and written, without them: ${first} as ${plainName(first, depth)}`
  return { ...renamed(file, plain), notes: [...file.notes, note] }
}

const below = (name: string): string => name.slice(name.indexOf('.') + 1)

/** The checkpoint with the first of several tensors that stand for one, as transformers reads it; code of its own (`auto_map`) may mean two. */
function withoutTwins(file: Checkpoint): Checkpoint {
  if (typeof file.config?.model_type !== 'string' || file.config.auto_map !== undefined) return file
  const spellings = new Map<string, string[]>()
  for (const [name, { shape }] of file.tensors) {
    const key = `${canonicalName(name, file.config)} [${shape}]`
    const found = spellings.get(key)
    if (found) found.push(name)
    else spellings.set(key, [name])
  }
  const twins = new Map<string, string>()
  for (const names of spellings.values()) {
    const [first, ...others] = names.sort(firstByName) as [string, ...string[]]
    // Below two modules that hold a whole model each, they are of two models.
    for (const name of others) if (below(name) !== below(first)) twins.set(name, first)
  }
  if (!twins.size) return file
  const told = [...twins].map(([name, other]) => `${name} (${other} counts)`)
  const note = `${file.folder}: ${twins.size} tensors are there in two spellings, and the first by name counts, as in transformers: ${firstFew(told, NAMED)}`
  return { ...without(file, new Set(twins.keys())), notes: [...file.notes, note] }
}

/** A checkpoint whose every tensor has one name, which is the model's. @throws UserError where two could be meant */
export const withPlainNames = (file: Checkpoint): Checkpoint => withoutTwins(withoutWrappers(file))

const numbersIn = (name: string): string[] => name.match(/(?<=\.)\d+(?=\.)/g) ?? []
const template = (name: string): string => name.replace(/(?<=\.)\d+(?=\.)/g, '#')

type Named = Pick<Checkpoint, 'config' | 'tensors'>

/**
 * The module that one of two models has before all names of the other: config.json of the first years has no model_type, which would
 * say it, and files without a head lack it.
 */
function moduleBetween(one: Named, two: Named): string | undefined {
  const modules = [one, two].flatMap(({ tensors }, i) => {
    const others = [...[two, one][i]!.tensors.keys()].filter((name) => !tensors.has(name))
    const firsts = new Set(others.length ? [...tensors.keys()].map((name) => name.split('.')[0]!) : [])
    return [...firsts].filter((first) => others.every((name) => tensors.has(`${first}.${name}`)))
  })
  return modules[0]
}

/** What says how the tensors of each model are named: its own config.json, that of the other, or the names. */
function configsOf(lead: Named, other: Named): [NamedConfig, NamedConfig] {
  const told = [lead, other].map(({ config }) => (config?.model_type === undefined ? undefined : config))
  const module = told.some(Boolean) ? undefined : moduleBetween(lead, other)
  // transformers calls the module as the model_type.
  const inferred = module === undefined ? null : { model_type: module }
  return [told[0] ?? told[1] ?? inferred, told[1] ?? told[0] ?? inferred]
}

/** The names of `other` under which it has what `lead` calls otherwise: lead's → other's. Layers that `lead` lacks are named like its own. */
function namesFor(lead: Named, other: Named): Map<string, string> {
  const [ofLead, ofOther] = configsOf(lead, other)
  const spelled = new Map<string, string>()
  for (const name of lead.tensors.keys()) {
    const key = canonicalName(name, ofLead)
    if (numbersIn(key).length === numbersIn(name).length) spelled.set(template(key), template(name))
  }
  const found = new Map<string, string>()
  for (const name of other.tensors.keys()) {
    if (lead.tensors.has(name)) continue
    const key = canonicalName(name, ofOther)
    const numbers = numbersIn(key)[Symbol.iterator]()
    const shown = spelled.get(template(key))?.replaceAll('#', () => numbers.next().value ?? '#')
    if (shown !== undefined && shown !== name && !other.tensors.has(shown) && !found.has(shown)) found.set(shown, name)
  }
  return found
}

/** `other` under the names of `lead`. */
export function underNamesOf<T extends Checkpoint>(lead: Named, other: T): T {
  const names = namesFor(lead, other)
  const view = agreeOnSides(lead, agreeOnExperts(lead, names.size ? renamed(other, names) : other))
  return view === other ? other : { ...other, ...view }
}

/**
 * Models that are compared tensor by tensor, under the names of the one that is written.
 * @param lead its number
 */
export function agreeOnNames<const T extends readonly Checkpoint[]>(
  checkpoints: T,
  lead: number,
): { -readonly [I in keyof T]: T[I] } {
  const first = checkpoints[lead]!
  const agreed = checkpoints.map((checkpoint) => (checkpoint === first ? first : underNamesOf(first, checkpoint)))
  return agreed as { -readonly [I in keyof T]: T[I] } // `map` gives an array of any length
}
