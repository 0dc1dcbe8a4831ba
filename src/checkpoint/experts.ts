// Experts that lie one by one in one file and together in another: views of the same numbers.
import { countEntries, type Interval } from '../kernels/index.js'
import { canonicalName, EXPERT_PARTS, sameExpertPart } from '../naming/index.js'
import type { Checkpoint } from './checkpoint.js'
import { BITS } from './dtype.js'
import type { TensorEntry } from './header.js'
import { stacksExperts } from './orientation.js'

type Lead = Pick<Checkpoint, 'config' | 'tensors'>

/** A piece of a tensor: entries from … on of another one. */
interface Piece {
  name: string
  from: number
  count: number
}

/**
 * `other` with its experts as `lead` has them: one by one, or together. Where they lie alike, or do not fit, nothing changes.
 */
export function agreeOnExperts(lead: Lead, other: Checkpoint): Checkpoint {
  if (!stacksExperts(other.config ?? lead.config)) return other
  const wanted = [...lead.tensors.keys()].filter(
    (name) => !other.tensors.has(name) && /experts\.|switch_mlp\./.test(name),
  )
  const own = (name: string): string => canonicalName(name, lead.config ?? other.config)
  const ofLead = new Set([...lead.tensors.keys()].map(own))
  const has = (key: string): boolean => ofLead.has(key)
  const stored = new Map(
    [...other.tensors.values()].map((e) => [canonicalName(e.name, other.config ?? lead.config), e]),
  )
  const find: Find = (key) => stored.get(key)
  const made = new Map<string, Made>()
  // One matrix that does not fit says that the others of its layer are stored otherwise, too, and fit by chance: square ones.
  const unfit = new Set<string | undefined>()
  for (const name of wanted) {
    const { shape } = lead.tensors.get(name)!
    const key = own(name)
    const pieces = fusedOf(key, shape, find) ?? switchedOf(key, shape, find) ?? singleOf(key, shape, { find, has })
    if (!pieces) {
      if (shape.length > 1) unfit.add(layerOfExperts(key))
      continue
    }
    const { dtype, file } = other.tensors.get(pieces[0]!.name)!
    const end = (countEntries(shape) * BITS[dtype]!) / 8
    made.set(name, { entry: { name, dtype, shape: [...shape], file, begin: 0, end }, pieces })
  }
  for (const name of [...made.keys()]) if (unfit.has(layerOfExperts(own(name)))) made.delete(name)
  return made.size ? withPieces(other, made) : other
}

const layerOfExperts = (key: string): string | undefined => /^(.*)\.(?:experts|switch_mlp)\./.exec(key)?.[1]

/** A view whose tensors in `made` are pieces of others, one after the other; those others are not in it. */
function withPieces(other: Checkpoint, made: ReadonlyMap<string, Made>): Checkpoint {
  const used = new Set([...made.values()].flatMap(({ pieces }) => pieces.map(({ name }) => name)))
  const values = async (name: string, entries: Interval | null): Promise<Float32Array> => {
    const { pieces, entry } = made.get(name)!
    const { from, to } = entries ?? { from: 0, to: countEntries(entry.shape) }
    const target = new Float32Array(to - from)
    let at = 0
    for (const piece of pieces) {
      const [first, last] = [Math.max(from, at), Math.min(to, at + piece.count)]
      if (first < last) {
        const part = { from: piece.from + first - at, to: piece.from + last - at }
        target.set(await other.readEntries(piece.name, part), first - from)
      }
      at += piece.count
    }
    return target
  }
  return {
    ...other,
    tensors: new Map([
      ...[...other.tensors].filter(([name]) => !used.has(name)),
      ...[...made].map(([name, { entry }]) => [name, entry] as const),
    ]),
    read: (name) => (made.has(name) ? values(name, null) : other.read(name)),
    readEntries: (name, entries) => (made.has(name) ? values(name, entries) : other.readEntries(name, entries)),
    place(name) {
      const pieces = made.get(name)?.pieces
      if (!pieces) return other.place(name)
      const place = pieces.length === 1 ? other.place(pieces[0]!.name) : null
      return place && { ...place, begin: place.begin + (pieces[0]!.from * BITS[place.dtype]!) / 8 }
    },
    async readBytes(name) {
      const found = made.get(name)
      if (!found) return other.readBytes(name)
      const parts = await Promise.all(
        found.pieces.map(async ({ name: source, from, count }) => {
          const width = BITS[other.tensors.get(source)!.dtype]! / 8
          return (await other.readBytes(source)).subarray(from * width, (from + count) * width)
        }),
      )
      return Buffer.concat(parts)
    },
  }
}

interface Made {
  entry: TensorEntry
  pieces: readonly Piece[]
}

/** A tensor of `other` by its canonical name. */
type Find = (key: string) => TensorEntry | undefined

/** The pieces of a fused tensor where `other` has its experts one by one; null where it has not. */
function fusedOf(name: string, shape: readonly number[], find: Find): Piece[] | null {
  const [, stem, leaf] = /^(.*\bexperts)\.(gate_up_proj|up_proj|down_proj)$/.exec(name) ?? []
  if (stem === undefined || shape.length !== 3) return null
  const [experts, rows, columns] = shape as [number, number, number]
  for (const parts of EXPERT_PARTS[leaf as keyof typeof EXPERT_PARTS]) {
    const own = [rows / parts.length, columns]
    const found = Array.from({ length: experts }, (_, e) =>
      parts.map((part) => find(`${stem}.${e}.${part}.weight`)),
    ).flat()
    const fit = found.every((each) => each?.dtype === found[0]?.dtype && String(each?.shape) === String(own))
    if (fit) return found.map((each) => ({ name: each!.name, from: 0, count: own[0]! * own[1]! }))
  }
  return null
}

/** The names of a part that stands for `leaf`; mlx-lm's comes first. */
const spellingsOf = (leaf: string): [string, ...string[]] => sameExpertPart(leaf).split('|') as [string, ...string[]]

/** As fusedOf, of a part of all experts as mlx-lm has it (`switch_mlp.gate_proj`). */
function switchedOf(name: string, shape: readonly number[], find: Find): Piece[] | null {
  const [, owner, leaf] = /^(.*)\.switch_mlp\.(\w+)\.weight$/.exec(name) ?? []
  if (leaf === undefined || shape.length !== 3) return null
  const [experts, ...own] = shape
  for (const part of spellingsOf(leaf)) {
    const found = Array.from({ length: experts! }, (_, e) => find(`${owner}.experts.${e}.${part}.weight`))
    const fit = found.every((each) => each?.dtype === found[0]?.dtype && String(each?.shape) === String(own))
    if (fit) return found.map((each) => ({ name: each!.name, from: 0, count: countEntries(own) }))
  }
  return null
}

/** The piece of a fused tensor that an expert's weight is; null where `other` has none. */
function singleOf(
  name: string,
  shape: readonly number[],
  { find, has }: { find: Find; has(key: string): boolean },
): Piece[] | null {
  const [, stem, expert, leaf] = /^(.*\bexperts)\.(\d+)\.(\w+)\.weight$/.exec(name) ?? []
  if (stem === undefined || shape.length !== 2) return null
  // Of as many experts in both.
  const isOne = (count: number): boolean => has(`${stem}.${count - 1}.${leaf}.weight`) && Number(expert) < count
  const switched = find(`${stem.replace(/experts$/, 'switch_mlp')}.${spellingsOf(leaf!)[0]}.weight`)
  const [all = 0, ...each] = switched?.shape ?? []
  if (switched && String(each) === String(shape) && isOne(all)) {
    const count = countEntries(shape)
    return [{ name: switched.name, from: Number(expert) * count, count }]
  }
  for (const [fused, spellings] of Object.entries(EXPERT_PARTS))
    for (const parts of spellings) {
      const part = (parts as readonly string[]).indexOf(leaf!)
      const whole = find(`${stem}.${fused}`)
      const [count, rows, columns] = whole?.shape ?? []
      if (part < 0 || count === undefined || rows !== shape[0]! * parts.length || columns !== shape[1]) continue
      if (!isOne(count)) return null
      const size = shape[0]! * shape[1]!
      return [{ name: whole!.name, from: (Number(expert) * parts.length + part) * size, count: size }]
    }
  return null
}
