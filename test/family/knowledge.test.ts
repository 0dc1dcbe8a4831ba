// The miniature knowledge graph: its rules hold, held-out triples follow from those that are left, negatives are false, ranks are filtered.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifiedTriples, drawGraph, keyOfTriple, labelledTriples, linksOf, premisesOf } from '../../family/index.js'
import { documentsOf, followersOf, toldAs } from '../../family/knowledge/texts.js'
import { randomFrom } from '../../family/random.js'

const graph = drawGraph({ seed: 1 })
const keys = (triples: readonly Parameters<typeof keyOfTriple>[0][]) => new Set(triples.map(keyOfTriple))
const told = ({ text, pair }: { text: string; pair: string }) => `${text} ${pair}`

test('the rules hold, and nothing is there twice', () => {
  const all = keys(graph.all)
  assert.equal(all.size, graph.all.length)
  const turned = {
    parent: 'child',
    child: 'parent',
    site: 'seat',
    seat: 'site',
    spouse: 'spouse',
    sibling: 'sibling',
  } as const
  for (const { head, relation, tail } of graph.all) {
    assert.notEqual(head, tail)
    if (relation in turned) {
      const other = turned[relation as keyof typeof turned]
      assert.ok(all.has(`${tail} ${other} ${head}`))
    }
    if (relation === 'grandparent' || relation === 'land')
      assert.ok(premisesOf({ head, relation, tail }, all, graph.entities).length > 0)
  }
})

test('every held-out triple follows from the training triples by one rule, and is none of them', () => {
  const train = keys(graph.train)
  assert.equal(graph.heldOut.length + train.size, graph.all.length)
  assert.ok(graph.heldOut.length >= 50)
  for (const triple of graph.heldOut) {
    assert.ok(!train.has(keyOfTriple(triple)))
    assert.ok(premisesOf(triple, train, graph.entities).length > 0, keyOfTriple(triple))
  }
  assert.deepEqual(drawGraph({ seed: 1 }), graph)
  assert.notDeepEqual(drawGraph({ seed: 2 }).heldOut, graph.heldOut)
})

test('no text of the base or of training tells a held-out triple in the words of the tasks', () => {
  const secret = new Set(graph.heldOut.map((triple) => told(toldAs(triple))))
  const texts = [
    ...[...documentsOf(graph, randomFrom('a'), 4000)].map(({ text, pair }) => (pair ? `${text} ${pair}` : text)),
    ...[...labelledTriples(graph, randomFrom('c'), 1)].filter(({ label }) => label === 0).map(told),
  ]
  for (const text of texts) assert.ok(!secret.has(text), text)
  const followers = [...followersOf(graph, randomFrom('b'), 2000)]
  const share = followers.filter(({ label }) => label === 0).length / followers.length
  assert.ok(share > 0.45 && share < 0.6, String(share))
})

test('training negatives are no training triples; half of the items are true', () => {
  const train = new Set(graph.train.map((triple) => told(toldAs(triple))))
  const items = [...labelledTriples(graph, randomFrom('c'), 2)]
  assert.equal(items.length, 2 * 6 * graph.train.length)
  for (const item of items) assert.equal(train.has(told(item)), item.label === 0, told(item))
})

test('the tasks: false triples are false in the whole graph, and links are filtered by it', () => {
  const all = new Set(graph.all.map((triple) => told(toldAs(triple))))
  for (const item of classifiedTriples(graph, randomFrom('d'))) assert.equal(all.has(told(item)), item.label === 0)
  const links = [...linksOf(graph)]
  assert.equal(links.length, 2 * graph.heldOut.length)
  for (const { text, pair, answer, others } of links) {
    const fill = (each: string) => told({ text: text.replace('___', each), pair: pair.replace('___', each) })
    const right = graph.entities.filter((each) => all.has(fill(each)))
    assert.deepEqual([...right].sort(), [answer, ...others].sort())
  }
})
