// Advance widths of DejaVu Sans, read from the font file itself, so that a figure laid out without a DOM or a canvas leaves
// legends and titles the room that they really take (vega's own guess is 0.8 em per letter).
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The files a renderer needs for regular and bold text. */
export const fontFiles = (): string[] =>
  ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => fileURLToPath(new URL(file, import.meta.url)))

/** First what the PNG is drawn with; then what a viewer of the SVG is likely to have, with nearly the same widths. */
export const FONT_FAMILY = 'DejaVu Sans, Verdana, Geneva, sans-serif'

interface Face {
  unitsPerEm: number
  /** Advance in font units by character code of the basic plane. */
  advance: (code: number) => number
}

/** Reads `head`, `hhea`, `hmtx` and the format 4 `cmap` of a TrueType file. */
function readFace(path: string): Face {
  const bytes = readFileSync(path)
  const tables = new Map<string, number>()
  for (let i = 0; i < bytes.readUInt16BE(4); i++)
    tables.set(bytes.toString('latin1', 12 + 16 * i, 16 + 16 * i), bytes.readUInt32BE(20 + 16 * i))
  const table = (tag: string) => tables.get(tag)!
  const unitsPerEm = bytes.readUInt16BE(table('head') + 18)
  const metrics = bytes.readUInt16BE(table('hhea') + 34)
  const widthOf = (glyph: number) => bytes.readUInt16BE(table('hmtx') + 4 * Math.min(glyph, metrics - 1))

  const glyphs = new Map<number, number>()
  for (let i = 0; i < bytes.readUInt16BE(table('cmap') + 2); i++) {
    const start = table('cmap') + bytes.readUInt32BE(table('cmap') + 8 + 8 * i)
    if (bytes.readUInt16BE(start) !== 4) continue
    const twice = bytes.readUInt16BE(start + 6)
    for (let s = 0; s < twice; s += 2) {
      const end = bytes.readUInt16BE(start + 14 + s)
      const first = bytes.readUInt16BE(start + 16 + twice + s)
      const shift = bytes.readUInt16BE(start + 16 + 2 * twice + s)
      const at = start + 16 + 3 * twice + s
      const range = bytes.readUInt16BE(at)
      for (let code = first; code <= end && code < 0xffff; code++) {
        const glyph = range === 0 ? code : bytes.readUInt16BE(at + range + 2 * (code - first))
        if (range === 0 || glyph !== 0) glyphs.set(code, (glyph + shift) & 0xffff)
      }
    }
  }
  return { unitsPerEm, advance: (code) => widthOf(glyphs.get(code) ?? 0) }
}

type Measure = (text: string, size: number, bold: boolean) => number

const faces = new Map<boolean, Face>()

const measureByFile: Measure = (text, size, bold) => {
  if (!faces.has(bold)) faces.set(bold, readFace(fontFiles()[bold ? 1 : 0]!))
  const face = faces.get(bold)!
  let units = 0
  for (const letter of text) units += face.advance(letter.codePointAt(0)!)
  return (units * size) / face.unitsPerEm
}

let measure = measureByFile

/** Measures text in another way from now on: a browser has a canvas, and no file of the font. */
export function measureTextBy(other: Measure): void {
  measure = other
}

/** Width of a line of text in pixels at `size` pixels per em, without kerning. */
export const textWidth = (text: string, size: number, bold = false): number => measure(text, size, bold)
