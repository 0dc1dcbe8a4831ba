// The drawn pictures: labels read off the pixels by other means than the drawing, seeds, splits, and the files that ship.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  ATTRIBUTES,
  drawScene,
  type Picture,
  picturesOf,
  scenesOf,
  VISION_TASKS,
  writeVisionTasks,
} from '../../family/index.js'
import { randomFrom } from '../../family/random.js'
import { assertClose } from '../close.js'

const random = randomFrom('test', 'vision')
/** Pictures without noise. */
const draw = (name: string, count = 200) => {
  const task = VISION_TASKS.find((each) => each.name === name)!
  return Array.from({ length: count }, () => ({ ...task.draw(random, 0), classes: task.classes }))
}

/** Pixels that are brighter than every grey ground (at most 51 of 255), as [x, y, brightest channel]. */
const inked = ({ pixels }: Picture, least = 100) =>
  Array.from(
    { length: 256 },
    (_, i) => [i % 16, Math.floor(i / 16), Math.max(...pixels.subarray(3 * i, 3 * i + 3))] as const,
  ).filter(([, , value]) => value >= least)

test('colour: the mean of the ink points to the class', () => {
  // Which channels are high, told by eye of the names.
  const high: Record<string, number[]> = {
    red: [0],
    green: [1],
    blue: [2],
    yellow: [0, 1],
    magenta: [0, 2],
    cyan: [1, 2],
  }
  for (const picture of draw('colour')) {
    const [sum, ink] = [[0, 0, 0], inked(picture, 200)]
    for (const [x, y] of ink) for (let c = 0; c < 3; c++) sum[c]! += picture.pixels[(16 * y + x) * 3 + c]! / ink.length
    const brightest = [0, 1, 2].filter((c) => sum[c]! > 0.7 * Math.max(...sum))
    assert.deepEqual(brightest, high[picture.classes[picture.labels[0]!]!])
  }
})

test('position: the middle of the ink is in the cell', () => {
  for (const picture of draw('position')) {
    const ink = inked(picture)
    const middle = [0, 1].map((axis) => ink.reduce((sum, pixel) => sum + pixel[axis]! + 0.5, 0) / ink.length)
    const [column, row] = middle.map((at) => (at < 5.75 ? 0 : at < 10.25 ? 1 : 2))
    assert.equal(
      picture.classes[picture.labels[0]!],
      `${['top', 'middle', 'bottom'][row!]} ${['left', 'centre', 'right'][column!]}`,
      String(middle),
    )
  }
})

test('count: connected patches of ink', () => {
  for (const picture of draw('count')) {
    const open = new Set(inked(picture, 120).map(([x, y]) => 16 * y + x))
    let patches = 0
    for (const start of open) {
      patches++
      const edge = [start]
      while (edge.length) {
        const at = edge.pop()!
        if (!open.delete(at)) continue
        edge.push(at - 1, at + 1, at - 16, at + 16)
      }
    }
    assert.equal(picture.classes[picture.labels[0]!], String(patches))
  }
})

test('orientation: the direction in which brightness changes most', () => {
  for (const picture of draw('orientation')) {
    const value = (x: number, y: number) =>
      picture.pixels[(16 * y + x) * 3]! + picture.pixels[(16 * y + x) * 3 + 1]! + picture.pixels[(16 * y + x) * 3 + 2]!
    let [xx, xy, yy] = [0, 0, 0]
    for (let y = 1; y < 15; y++) {
      for (let x = 1; x < 15; x++) {
        const [dx, dy] = [value(x + 1, y) - value(x - 1, y), value(x, y + 1) - value(x, y - 1)]
        xx += dx * dx
        xy += dx * dy
        yy += dy * dy
      }
    }
    const angle = ((Math.atan2(2 * xy, xx - yy) / 2) * 180) / Math.PI
    const off = Math.abs(((angle - Number(picture.classes[picture.labels[0]!]) + 90 + 360) % 180) - 90)
    assert.ok(off < 11, `${angle} for ${picture.classes[picture.labels[0]!]}`)
  }
})

test('size: larger classes have more ink, shape by shape, and do not overlap much', () => {
  const means = [0, 1, 2, 3].map((size) => {
    const areas = draw('size', 400)
      .filter(({ labels }) => labels[0] === size)
      .map((picture) => {
        const ink = inked(picture)
        return Math.max(...ink.map(([, y]) => y)) - Math.min(...ink.map(([, y]) => y))
      })
    return areas.reduce((a, b) => a + b) / areas.length
  })
  for (let i = 1; i < 4; i++) assert.ok(means[i]! - means[i - 1]! > 1.2, String(means))
})

test('digit, shape, texture: pictures of a class are nearer to each other than to other classes', () => {
  // Brightness, moved so that its middle is in the middle.
  const centred = (picture: Picture) => {
    const ink = inked(picture, 60)
    const [mx, my] = [0, 1].map(
      (axis) =>
        ink.reduce((sum, pixel) => sum + pixel[axis]! * pixel[2], 0) / ink.reduce((sum, [, , value]) => sum + value, 0),
    )
    const out = new Float64Array(256)
    for (const [x, y, value] of ink) {
      const [tx, ty] = [Math.round(x - mx! + 8), Math.round(y - my! + 8)]
      if (tx >= 0 && tx < 16 && ty >= 0 && ty < 16) out[16 * ty + tx] = value / 255
    }
    return out
  }
  for (const name of ['digit', 'shape']) {
    const known = draw(name, 600).map((picture) => ({ at: centred(picture), label: picture.labels[0] }))
    const asked = draw(name, 60)
    const right = asked.filter((picture) => {
      const at = centred(picture)
      const distance = (other: Float64Array) => other.reduce((sum, value, i) => sum + (value - at[i]!) ** 2, 0)
      return (
        known.reduce((best, each) => (distance(each.at) < distance(best.at) ? each : best)).label === picture.labels[0]
      )
    })
    assert.ok(right.length >= 0.9 * asked.length, `${name}: ${right.length} of ${asked.length}`)
  }
})

test('texture: rows change downwards only, columns sideways only, the others both ways', () => {
  for (const picture of draw('texture')) {
    const value = (x: number, y: number) => Math.max(...picture.pixels.subarray((16 * y + x) * 3, (16 * y + x) * 3 + 3))
    let [across, down] = [0, 0]
    for (let y = 0; y < 15; y++)
      for (let x = 0; x < 15; x++)
        [across, down] = [
          across + Math.abs(value(x + 1, y) - value(x, y)),
          down + Math.abs(value(x, y + 1) - value(x, y)),
        ]
    const name = picture.classes[picture.labels[0]!]
    assert.deepEqual([across > 0, down > 0], [name !== 'rows', name !== 'columns'], name)
  }
})

test('a scene has a class of each attribute, counted through', () => {
  const sizes = Object.values(ATTRIBUTES).map(({ length }) => length)
  assert.deepEqual(sizes, [16, 8, 6, 9, 6])
  const seen = new Set<number>()
  for (let i = 0; i < 500; i++) {
    let from = 0
    drawScene(random, 0).labels.forEach((label, attribute) => {
      assert.ok(label >= from && label < from + sizes[attribute]!)
      seen.add(label)
      from += sizes[attribute]!
    })
  }
  assert.equal(seen.size, 45)
})

test('a seed fixes the pictures, more begin with the same ones, no held-out picture is a training picture', () => {
  const hex = ({ pixels }: Picture) => Buffer.from(pixels).toString('base64')
  assert.deepEqual(scenesOf({ count: 5, seed: 1 }), scenesOf({ count: 9, seed: 1 }).slice(0, 5))
  assert.notDeepEqual(scenesOf({ count: 5, seed: 1 }), scenesOf({ count: 5, seed: 2 }))
  for (const { name, classes } of VISION_TASKS) {
    const held = picturesOf(name, { count: 640, seed: 0, split: 'test' })
    const train = new Set(picturesOf(name, { count: 1500, seed: 1, split: 'train' }).map(hex))
    assert.ok(
      held.every((picture) => !train.has(hex(picture))),
      name,
    )
    for (const [label] of classes.entries()) {
      const share = held.filter(({ labels }) => labels[0] === label).length / held.length
      assertClose(
        share * classes.length,
        1,
        { tolerance: 4.5 * Math.sqrt((classes.length - 1) / held.length) },
        `${name} ${classes[label]}: ${share}`,
      )
    }
  }
})

test('the vision tasks that ship are the ones that the code writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vision-'))
  try {
    writeVisionTasks(folder)
    const files = readdirSync(folder).sort()
    assert.equal(files.length, 24)
    for (const name of files)
      assert.ok(readFileSync(join('checkpoints', 'tasks', name)).equals(readFileSync(join(folder, name))), name)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
