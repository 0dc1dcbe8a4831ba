// The prompts that name classes to a zero-shot model: those of the papers' eight image sets, the default, and what is refused.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../../src/files/index.js'
import { readCard } from '../../../src/tasks/cards/read.js'
import { classPrompts } from '../../../src/tasks/images/classes.js'

/** Number of classes that a card names (the folders' names stand for the others), of templates, and the first and last prompt of a class. */
const CARDS: Record<string, [named: number, templates: number, given: string, first: string, last: string]> = {
  sun397: [0, 2, 'airplane_cabin', 'a photo of a airplane cabin.', 'a photo of the airplane cabin.'],
  cars: [0, 8, 'Acura_RL_Sedan_2012', 'a photo of a Acura RL Sedan 2012.', 'a photo of my old Acura RL Sedan 2012.'],
  resisc45: [
    0,
    18,
    'baseball_diamond',
    'satellite imagery of baseball diamond.',
    'aerial view of the baseball diamond.',
  ],
  eurosat: [10, 3, 'forest', 'a centered satellite photo of forest.', 'a centered satellite photo of the forest.'],
  svhn: [0, 1, '7', 'a photo of the number: "7".', 'a photo of the number: "7".'],
  gtsrb: [43, 3, 'stop', 'a zoomed in photo of a "stop" traffic sign.', 'a close up photo of a "stop" traffic sign.'],
  mnist: [0, 1, '0', 'a photo of the number: "0".', 'a photo of the number: "0".'],
  dtd: [0, 8, 'crosshatched', 'a photo of a crosshatched texture.', 'a photo of the crosshatched object.'],
}

for (const [name, [named, count, given, first, last]] of Object.entries(CARDS)) {
  test(`${name}: ${count} prompts a class`, () => {
    const { classes, templates } = readCard(join(packageRoot, 'configs/paper/tasks', `${name}.yaml`))
    assert.equal(new Set(classes).size, named)
    if (classes) assert.ok(classes.includes(given))
    const [prompts] = classPrompts({ name, classes: [given], templates })
    assert.deepEqual([prompts!.length, prompts![0], prompts!.at(-1)], [count, first, last])
  })
}

test('without templates a photo is spoken of; without names, or for another column, nothing', () => {
  assert.deepEqual(classPrompts({ name: 'x', classes: ['polar_bear', 'cat'] }), [
    ['a photo of a polar bear.'],
    ['a photo of a cat.'],
  ])
  assert.throws(() => classPrompts({ name: 'x' }), /task x does not name its classes/)
  assert.throws(
    () => classPrompts({ name: 'x', classes: ['cat'], templates: ['a {{ clas }}'] }),
    /unknown column "clas"; did you mean "class"/,
  )
})
