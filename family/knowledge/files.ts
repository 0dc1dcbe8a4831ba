// The files of the knowledge graph: text of its base, triples to train on, and the tasks that ship.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { buildWordPieces, wordPieceConfig, wordPieceJson } from '../grammar/vocabulary.js'
import { writeLines } from '../lines.js'
import { type Random, randomFrom } from '../random.js'
import { drawGraph, type Graph, keyOfTriple, PARTS, type Part, type Relation, type Triple } from './graph.js'
import { documentsOf, followersOf, toldAs } from './texts.js'

const POSITIONS = 48
const GRAPH = { seed: 1 }

/** Files of the whole graph, and of each part. */
const VIEWS: readonly (readonly [ending: string, parts: readonly Part[]])[] = [
  ['', ['kin', 'places']],
  ['-kin', ['kin']],
  ['-places', ['places']],
]

const within = (parts: readonly Part[]) => {
  const relations = new Set<Relation>(parts.flatMap((part) => PARTS[part]))
  return ({ relation }: Triple) => relations.has(relation)
}

const pickOther = (random: Random, list: readonly string[], fits: (each: string) => boolean): string => {
  for (;;) {
    const each = random.pick(list)
    if (fits(each)) return each
  }
}

/**
 * Each training triple three times (label 0, as a sentence that follows), and once each with another head, relation and tail (label 1),
 * in every round anew, as the authors of PALT do with one negative for each part. A negative is no training triple; it may be one that
 * is held out.
 */
export function* labelledTriples(
  { train, entities }: Graph,
  random: Random,
  rounds: number,
): Generator<{ text: string; pair: string; label: number }> {
  const known = new Set(train.map(keyOfTriple))
  const relations = [...new Set(train.map(({ relation }) => relation))]
  for (let round = 0; round < rounds; round++)
    for (const triple of train) {
      const isNew = (change: Partial<Triple>) => !known.has(keyOfTriple({ ...triple, ...change }))
      const wrong: Triple[] = [
        { ...triple, head: pickOther(random, entities, (head) => isNew({ head })) },
        { ...triple, tail: pickOther(random, entities, (tail) => isNew({ tail })) },
        {
          ...triple,
          relation: pickOther(random, relations, (relation) => isNew({ relation: relation as Relation })) as Relation,
        },
      ]
      for (const each of wrong) {
        yield { ...toldAs(triple), label: 0 }
        yield { ...toldAs(each), label: 1 }
      }
    }
}

/** documents.jsonl, followers.jsonl, triples.train.jsonl (and of each part) and the tokenizer: what the recipes of configs/family read. */
export function writeKnowledgeData(
  folder: string,
  { seed, documents, followers, rounds }: { seed: number; documents: number; followers: number; rounds: number },
): void {
  mkdirSync(folder, { recursive: true })
  const graph = drawGraph(GRAPH)
  const texts = [...documentsOf(graph, randomFrom('documents', seed), documents)]
  writeLines(join(folder, 'documents.jsonl'), texts, (each) => each)
  writeLines(
    join(folder, 'followers.jsonl'),
    followersOf(graph, randomFrom('followers', seed), followers),
    (each) => each,
  )
  for (const [ending, parts] of VIEWS) {
    const view = { ...graph, train: graph.train.filter(within(parts)) }
    writeLines(
      join(folder, `triples${ending}.train.jsonl`),
      labelledTriples(view, randomFrom('triples', ending, seed), rounds),
      (each) => each,
    )
  }
  const sample = [
    ...texts.flatMap(({ text, pair }) => [text, pair ?? '']),
    ...graph.all.map((each) => toldAs(each).text),
  ]
  const pieces = buildWordPieces([...sample, graph.entities.join(' ')].filter(Boolean))
  writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(wordPieceJson(pieces), null, 1)}\n`)
  writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(wordPieceConfig(POSITIONS), null, 1)}\n`)
}

/** Held-out triples and as many false ones with another head or tail: 0 true, 1 false. */
export function* classifiedTriples({ all, heldOut, entities }: Graph, random: Random) {
  const known = new Set(all.map(keyOfTriple))
  for (const triple of heldOut) {
    yield { ...toldAs(triple), relation: triple.relation, label: 0 }
    const part = random.pick(['head', 'tail'] as const)
    const other = pickOther(random, entities, (each) => !known.has(keyOfTriple({ ...triple, [part]: each })))
    yield { ...toldAs({ ...triple, [part]: other }), relation: triple.relation, label: 1 }
  }
}

/** Each held-out triple with a blank as its head, and with one as its tail; `others` are the other right answers of the whole graph. */
export function* linksOf({ all, heldOut }: Graph) {
  for (const triple of heldOut)
    for (const side of ['head', 'tail'] as const) {
      const matches = all.filter((each) =>
        (['head', 'relation', 'tail'] as const).every((part) => part === side || each[part] === triple[part]),
      )
      const others = matches.map((each) => each[side]).filter((each) => each !== triple[side])
      yield { ...toldAs({ ...triple, [side]: '___' }), relation: triple.relation, side, answer: triple[side], others }
    }
}

/** Triple classification and link prediction on the held-out triples, of the whole graph and of each part. */
export function writeKnowledgeTasks(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const graph = drawGraph(GRAPH)
  for (const [ending, parts] of VIEWS) {
    const view = { ...graph, heldOut: graph.heldOut.filter(within(parts)) }
    const what = `held-out triples of a miniature knowledge graph${ending && `, ${ending.slice(1)}`}`
    const write = (name: string, rows: Iterable<object>, card: object) => {
      writeLines(join(folder, `${name}.jsonl`), [...rows].entries(), ([index, row]) => ({
        id: `${name}-${index}`,
        ...row,
      }))
      const common = { name, version: 1, data: `${name}.jsonl`, prompt: '{{text}}', pair: '{{pair}}' }
      writeFileSync(join(folder, `${name}.yaml`), stringify({ ...common, ...card }))
    }
    write(`triples${ending}`, classifiedTriples(view, randomFrom('classified', ending)), {
      description: `whether a triple is true: ${what}`,
      kind: 'classify',
      metric: ['acc', 'f1'],
      label: '{{label}}',
    })
    write(`links${ending}`, linksOf(view), {
      description: `link prediction, filtered, of heads and tails: ${what}`,
      kind: 'rank',
      metric: ['mrr', 'mean_rank', 'hits_at_1', 'hits_at_10'],
      choices: graph.entities,
      right: '{{answer}}',
      others: 'others',
      label: '0',
    })
  }
}
