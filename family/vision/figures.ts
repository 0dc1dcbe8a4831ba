// What is drawn: digits in a 5×7 font, shapes, textures, gratings.
import type { Ink } from './canvas.js'

/** Rows of five dots from the top. */
const FONT = [
  '.###. #...# #..## #.#.# ##..# #...# .###.',
  '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '.###. #...# ....# ...#. ..#.. .#... #####',
  '##### ...#. ..#.. ...#. ....# #...# .###.',
  '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '##### #.... ####. ....# ....# #...# .###.',
  '..##. .#... #.... ####. #...# #...# .###.',
  '##### ....# ...#. ..#.. .#... .#... .#...',
  '.###. #...# #...# .###. #...# #...# .###.',
  '.###. #...# #...# .#### ....# ...#. .##..',
].map((digit) => digit.split(' '))

export const DIGITS = FONT.map((_, digit) => String(digit))

/** Inside or outside, by coordinates from the centre in units of the radius. */
const OUTLINES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  disc: (x, y) => x * x + y * y <= 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  triangle: (x, y) => y <= 0.8 && y >= 2 * Math.abs(x) - 1,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.1,
  cross: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 1 && Math.min(Math.abs(x), Math.abs(y)) <= 0.33,
  ring: (x, y) => x * x + y * y <= 1.1 && x * x + y * y >= 0.36,
}

export const SHAPES = Object.keys(OUTLINES)

export interface Place {
  /** Centre in pixels. */
  x: number
  y: number
  /** Half the height in pixels. */
  radius: number
}

export function drawDigit(digit: number, { x, y, radius }: Place): Ink {
  const dot = (2 * radius) / 7
  return (px, py) =>
    Number(FONT[digit]![Math.floor((py - y + radius) / dot)]?.[Math.floor((px - x) / dot + 2.5)] === '#')
}

export function drawShape(shape: string, { x, y, radius }: Place): Ink {
  const inside = OUTLINES[shape]!
  return (px, py) => Number(inside((px - x) / radius, (py - y) / radius))
}

/** Smooth stripes: `angle` of their normal in radians, `period` in pixels, `phase` in radians. */
export function drawGrating(angle: number, period: number, phase: number): Ink {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)]
  return (px, py) => 0.5 + 0.5 * Math.cos((2 * Math.PI * (px * dx + py * dy)) / period + phase)
}

const half = (x: number) => x - Math.floor(x) < 0.5

/** Patterns of period 1 in both directions. */
const PATTERNS: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  rows: (_, y) => half(y),
  columns: (x) => half(x),
  checks: (x, y) => half(x) !== half(y),
  dots: (x, y) => (x - Math.floor(x) - 0.5) ** 2 + (y - Math.floor(y) - 0.5) ** 2 < 0.09,
  grid: (x, y) => x - Math.floor(x) < 0.3 || y - Math.floor(y) < 0.3,
  slants: (x, y) => half(x + y),
}

export const TEXTURES = Object.keys(PATTERNS)

/** A pattern over the whole plane: `period` in pixels, shifted by `x` and `y` pixels. */
export function drawTexture(texture: string, period: number, x: number, y: number): Ink {
  const pattern = PATTERNS[texture]!
  return (px, py) => Number(pattern((px + x) / period, (py + y) / period))
}
