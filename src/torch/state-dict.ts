// Where the weights lie in what a file of torch.save holds: it is a dict of tensors itself, or has one inside, beside what a trainer needs
// to go on.
import { firstFew, printable, UserError } from '../errors/index.js'
import { type Foreign, foreignIn } from './foreign.js'
import { TorchView } from './meaning.js'
import type { Pickled } from './pickle.js'

/** Keys under which trainers put the state dict, the surest first. */
const INSIDE = ['state_dict', 'model_state_dict', 'model', 'module']
/** Keys whose tensors are no weights. */
const STATES = /optim|sched|scaler|rng/i
/** Dicts within dicts that are looked at. */
const DEPTH = 2

interface StateDict {
  /** Tensors by name. */
  views: [string, TorchView][]
  /** Objects by name that stand among them. */
  others: [string, Foreign][]
}

interface Found extends StateDict {
  /** Keys that lead to it. */
  path: readonly string[]
}

/**
 * The weights of a file, with a sentence where others could be meant.
 * @throws UserError where there are none, and where nothing says which are the model's
 */
export function stateDictOf(file: string, value: Pickled): StateDict & { notes: string[] } {
  const foreign = foreignIn(value)
  if (foreign?.tensor) throw new UserError(`${file}: is ${foreign.tensor}, and no dict of tensors`)
  if (foreign)
    throw new UserError(
      `${file}: is an object of ${printable(foreign.name)}, and no dict of tensors; load it with torch and save its state_dict()`,
    )
  if (!(value instanceof Map))
    throw new UserError(`${file}: holds no dict of tensors; torch.save(model.state_dict(), …) writes one`)
  const all = [...dictsIn(value)]
  const plain = all.filter(({ views }) => views.length)
  const found = plain.length ? plain : all
  const places = found.map(({ path }) => path.join('.'))
  const best = found.filter(({ path }) => path.every((key) => INSIDE.includes(key))).sort((a, b) => rank(a) - rank(b))
  const chosen = best[0] ?? (found.length === 1 ? found[0] : undefined)
  if (!found.length)
    throw new UserError(`${file}: holds no tensors that have names; torch.save(model.state_dict(), …) gives them names`)
  if (!chosen)
    throw new UserError(
      `${file}: holds tensors under ${firstFew(places, 6)}, and nothing says which are the model's: save those alone with torch`,
    )
  const rest = places.filter((place) => place && place !== chosen.path.join('.'))
  const isPlain = best.length > 0 && !rest.length
  const notes = isPlain
    ? []
    : [
        `${file}: the tensors ${chosen.path.length ? `under ${printable(chosen.path.join('.'))} ` : ''}are read${rest.length ? `, and not those under ${printable(firstFew(rest, 6))}` : ''}`,
      ]
  return { ...chosen, notes }
}

/** A dict inside comes before the one that holds it. */
const rank = ({ path }: Found): number => (path.length ? INSIDE.indexOf(path[0]!) : INSIDE.length)

function* dictsIn(dict: ReadonlyMap<Pickled, Pickled>, path: readonly string[] = []): Generator<Found> {
  const views: StateDict['views'] = []
  const others: StateDict['others'] = []
  for (const [name, value] of dict) {
    if (typeof name !== 'string' || typeof value !== 'object' || value === null) continue
    const foreign = foreignIn(value)
    if (foreign) others.push([name, foreign])
    else if ('made' in value && value.made instanceof TorchView) views.push([name, value.made])
    else if (value instanceof Map && path.length < DEPTH && !STATES.test(name)) yield* dictsIn(value, [...path, name])
  }
  if (views.length || others.some(([, { tensor }]) => tensor)) yield { path, views, others }
}
