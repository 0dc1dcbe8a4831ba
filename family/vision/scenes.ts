// The pictures of the vision family: scenes with five attributes, on which the base is trained, and tasks of one label each.
import type { Random } from '../random.js'
import { COLOURS, type Colour, develop, type Ink, paint, SIDE, startCanvas } from './canvas.js'
import { DIGITS, drawDigit, drawGrating, drawShape, drawTexture, type Place, SHAPES, TEXTURES } from './figures.js'

export interface Picture {
  /** [SIDE, SIDE, 3] bytes. */
  pixels: Uint8Array
  /** Right classes: one of a task, one per attribute of a scene. */
  labels: number[]
}

export interface VisionTask {
  name: string
  description: string
  classes: readonly string[]
  /** @param noise standard deviation of the noise on values from 0 to 1 */
  draw(random: Random, noise: number): Picture
}

const names = Object.keys(COLOURS)
const between = (random: Random, low: number, high: number) => low + (high - low) * random.uniform()

/** A dark grey, so that every colour shows. */
const grey = (random: Random): Colour => {
  const level = between(random, 0, 0.2)
  return [level, level, level]
}

const POSITIONS = ['top', 'middle', 'bottom'].flatMap((row) =>
  ['left', 'centre', 'right'].map((column) => `${row} ${column}`),
)

/** The centre of one of nine cells, up to `jitter` pixels off. */
function placeAt(random: Random, position: number, radius: number, jitter: number): Place {
  const off = () => between(random, -jitter, jitter)
  return { x: 3.5 + 4.5 * (position % 3) + off(), y: 3.5 + 4.5 * Math.floor(position / 3) + off(), radius }
}

const central = (random: Random, low: number, high: number) => placeAt(random, 4, between(random, low, high), 1.5)

const texture = (random: Random, name: string): Ink =>
  drawTexture(name, between(random, 4, 6), between(random, 0, 6), between(random, 0, 6))
const grating = (random: Random, angle: number): Ink =>
  drawGrating(angle, between(random, 4, 7), between(random, 0, 2 * Math.PI))

/** One figure in one colour on dark grey. */
function picture(random: Random, noise: number, label: number, colour: Colour, inks: readonly Ink[]): Picture {
  const canvas = startCanvas(grey(random))
  for (const ink of inks) paint(canvas, ink, colour)
  return { pixels: develop(canvas, noise, random), labels: [label] }
}

const anyColour = (random: Random) => COLOURS[random.pick(names)]!
const anyShape = (random: Random, place: Place) => drawShape(random.pick(SHAPES), place)

const ANGLES = Array.from({ length: 8 }, (_, i) => 22.5 * i)

/** Up to five small discs that do not touch: centres at least 5 pixels apart. Places that leave no room are drawn again. */
function scatter(random: Random, count: number): Place[] {
  let places: Place[] = []
  for (let tries = 1; places.length < count; tries++) {
    if (tries % 30 === 0) places = []
    const place = {
      x: between(random, 2, SIDE - 2),
      y: between(random, 2, SIDE - 2),
      radius: between(random, 1.3, 1.7),
    }
    if (places.every((other) => (other.x - place.x) ** 2 + (other.y - place.y) ** 2 >= 25)) places.push(place)
  }
  return places
}

const task = (
  name: string,
  description: string,
  classes: readonly string[],
  inks: (random: Random, label: number) => Ink[],
  fixed?: (label: number) => Colour,
): VisionTask => ({
  name,
  description,
  classes,
  draw(random, noise) {
    const label = random.integer(0, classes.length - 1)
    return picture(random, noise, label, fixed?.(label) ?? anyColour(random), inks(random, label))
  },
})

const sizeOf = (random: Random, size: number) => 2.4 + 1.1 * size + between(random, -0.4, 0.4)

export const VISION_TASKS: readonly VisionTask[] = [
  task('digit', 'which digit is drawn', DIGITS, (random, label) => [drawDigit(label, central(random, 5, 6))]),
  task('shape', 'which of six shapes is drawn', SHAPES, (random, label) => [
    drawShape(SHAPES[label]!, central(random, 4, 6)),
  ]),
  task('orientation', 'the angle of smooth stripes, in steps of 22.5 degrees', ANGLES.map(String), (random, label) => [
    grating(random, (ANGLES[label]! * Math.PI) / 180),
  ]),
  task('count', 'how many discs there are, 1 to 5', ['1', '2', '3', '4', '5'], (random, label) =>
    scatter(random, label + 1).map((place) => drawShape('disc', place)),
  ),
  task('texture', 'which of six patterns fills the image', TEXTURES, (random, label) => [
    texture(random, TEXTURES[label]!),
  ]),
  task(
    'colour',
    'the colour of a shape, of six',
    names,
    (random) => [anyShape(random, central(random, 4, 6))],
    (label) => COLOURS[names[label]!]!,
  ),
  task('position', 'in which of nine cells a shape is', POSITIONS, (random, label) => [
    anyShape(random, placeAt(random, label, between(random, 2.5, 3.5), 1)),
  ]),
  task('size', 'the size of a shape, of four', ['small', 'medium', 'large', 'huge'], (random, label) => [
    anyShape(random, placeAt(random, 4, sizeOf(random, label), 1)),
  ]),
]

/** Classes of a scene's five attributes; a scene's labels count through them: kinds from 0, backgrounds from 16, and so on. */
export const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  kind: [...DIGITS, ...SHAPES],
  background: ['plain', 'grating', ...TEXTURES],
  colour: names,
  position: POSITIONS,
  size: ['0', '1', '2', '3', '4', '5'],
}

/** A digit or a shape over a plain, striped or patterned background: what the base is trained on. */
export function drawScene(random: Random, noise: number): Picture {
  const chosen = Object.values(ATTRIBUTES).map(({ length }) => random.integer(0, length - 1))
  const [kind, background, colour, position, size] = chosen
  const canvas = startCanvas(grey(random))
  const shade: Colour = [0.45, 0.45, 0.45]
  if (background === 1) paint(canvas, grating(random, between(random, 0, Math.PI)), shade)
  if (background! > 1) paint(canvas, texture(random, TEXTURES[background! - 2]!), shade)
  const place = placeAt(random, position!, 3 + 0.6 * size!, 0.7)
  paint(canvas, kind! < 10 ? drawDigit(kind!, place) : drawShape(SHAPES[kind! - 10]!, place), COLOURS[names[colour!]!]!)
  let from = 0
  const labels = chosen.map((label, i) => {
    const at = from + label
    from += Object.values(ATTRIBUTES)[i]!.length
    return at
  })
  return { pixels: develop(canvas, noise, random), labels }
}
