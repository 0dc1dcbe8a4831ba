// A miniature knowledge graph: families and where they live. Its relations obey rules (inverse, symmetry, composition), so that triples
// can be held out which follow from those that are left.
import { randomFrom } from '../random.js'

export interface Triple {
  head: string
  relation: Relation
  tail: string
}

/** The relations of each part of the graph. */
export const PARTS = {
  kin: ['parent', 'child', 'spouse', 'sibling', 'grandparent'],
  places: ['home', 'site', 'seat', 'neighbour', 'land'],
} as const
export type Part = keyof typeof PARTS
export type Relation = (typeof PARTS)[Part][number]

/** `a` follows from its premises: of the same two entities turned round, or of a chain of two. */
type Rule = { gives: Relation; turned: Relation } | { gives: Relation; chain: readonly [Relation, Relation] }
const RULES: readonly Rule[] = [
  { gives: 'parent', turned: 'child' },
  { gives: 'child', turned: 'parent' },
  { gives: 'spouse', turned: 'spouse' },
  { gives: 'sibling', turned: 'sibling' },
  { gives: 'grandparent', chain: ['parent', 'parent'] },
  { gives: 'site', turned: 'seat' },
  { gives: 'seat', turned: 'site' },
  { gives: 'neighbour', turned: 'neighbour' },
  { gives: 'land', chain: ['home', 'site'] },
]

const NAMES = (
  'ada ben cleo dan eva finn gail hugo iris jack kira liam mona ned olga paul quinn rosa sam tess uma vic wanda xena yuri zoe ' +
  'abel bree carl dora ezra fay gus hope ivan june kurt lena milo nora otto pia'
).split(' ')
const TOWNS = 'arden brook colby dover elton frost'.split(' ')
const LANDS = 'norland osteria pelago'.split(' ')

export interface Graph {
  entities: string[]
  /** Every triple that is true, in the order in which they were made. */
  all: Triple[]
  train: Triple[]
  /** Each follows from `train` by one rule. */
  heldOut: Triple[]
}

export const keyOfTriple = ({ head, relation, tail }: Triple): string => `${head} ${relation} ${tail}`

/** Premises of a triple within a graph, by each rule that gives it. */
export function premisesOf(
  { head, relation, tail }: Triple,
  graph: ReadonlySet<string>,
  entities: readonly string[],
): string[][] {
  return RULES.filter(({ gives }) => gives === relation).flatMap((rule) => {
    if ('turned' in rule) {
      const premise = keyOfTriple({ head: tail, relation: rule.turned, tail: head })
      return graph.has(premise) ? [[premise]] : []
    }
    return entities.flatMap((middle) => {
      const steps = [
        keyOfTriple({ head, relation: rule.chain[0], tail: middle }),
        keyOfTriple({ head: middle, relation: rule.chain[1], tail }),
      ]
      return steps.every((step) => graph.has(step)) ? [steps] : []
    })
  })
}

/** @param share of the triples that are held out, at most */
export function drawGraph({ seed, share = 0.2 }: { seed: number; share?: number }): Graph {
  const random = randomFrom('knowledge', seed)
  const all: Triple[] = []
  const add = (head: string, relation: Relation, tail: string) => all.push({ head, relation, tail })
  const both = (one: string, relation: Relation, other: string) => [
    add(one, relation, other),
    add(other, relation, one),
  ]
  const landOf = new Map(TOWNS.map((town, i) => [town, LANDS[i % LANDS.length]!]))
  for (const [town, land] of landOf) {
    add(town, 'site', land)
    add(land, 'seat', town)
  }
  TOWNS.forEach((town, i) => both(town, 'neighbour', TOWNS[(i + 1) % TOWNS.length]!))
  const people = random.sample(NAMES, NAMES.length)
  for (let first = 0; first + 7 <= people.length; first += 7) {
    const [a, b, c, d, e, f, g] = people.slice(first, first + 7) as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    both(a, 'spouse', b)
    both(c, 'spouse', e)
    both(c, 'sibling', d)
    both(f, 'sibling', g)
    const births = [
      ...[a, b].flatMap((p) => [c, d].map((q) => [p, q])),
      ...[c, e].flatMap((p) => [f, g].map((q) => [p, q])),
    ]
    for (const [parent, child] of births) {
      add(parent!, 'parent', child!)
      add(child!, 'child', parent!)
    }
    for (const old of [a, b]) for (const young of [f, g]) add(old, 'grandparent', young)
    for (const person of [a, b, c, d, e, f, g]) {
      const town = random.pick(TOWNS)
      add(person, 'home', town)
      add(person, 'land', landOf.get(town)!)
    }
  }
  const entities = [...people, ...TOWNS, ...LANDS]
  return { entities, all, ...holdOut(all, entities, share, random.sample(all, all.length)) }
}

/** Holds out triples in the given order, as long as each still follows from what is left. */
function holdOut(all: readonly Triple[], entities: readonly string[], share: number, order: readonly Triple[]) {
  const left = new Set(all.map(keyOfTriple))
  const needed = new Set<string>()
  const heldOut: Triple[] = []
  for (const triple of order) {
    if (heldOut.length >= share * all.length) break
    const key = keyOfTriple(triple)
    if (needed.has(key)) continue
    left.delete(key)
    const [premises] = premisesOf(triple, left, entities)
    if (!premises) {
      left.add(key)
      continue
    }
    for (const premise of premises) needed.add(premise)
    heldOut.push(triple)
  }
  return { train: all.filter((triple) => left.has(keyOfTriple(triple))), heldOut }
}
