// vega-lite spec → SVG text and PNG bytes, with no DOM, no canvas and no system fonts, so that the same rows give the same
// bytes on every machine.
import { Resvg } from '@resvg/resvg-js'
import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { fontFiles, textWidth } from './font.js'

// vega offers this one switch for its text measure, and it is a module's: every figure of this process is measured with it.
const metrics = (vega as unknown as { textMetrics: { width: (item: TextItem, text: unknown) => number } }).textMetrics
interface TextItem {
  fontSize?: number
  fontWeight?: string | number
  limit?: number
}
metrics.width = (item, text) => {
  const bold = item.fontWeight === 'bold' || Number(item.fontWeight) >= 600
  return textWidth(String(text ?? ''), item.fontSize ?? 11, bold)
}

/** Draws the figure as SVG. Marks carry no ids or clocks: equal specs give equal text. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const compiled = compile(spec, { logger: vega.logger(vega.Error) as never }).spec
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logLevel: vega.Error })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

/** Draws an SVG of this module as PNG, `scale` pixels per SVG unit, on white. */
export function renderPng(svg: string, scale = 2): Uint8Array {
  const image = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: scale },
    font: { loadSystemFonts: false, fontFiles: fontFiles(), defaultFontFamily: 'DejaVu Sans' },
  })
  return image.render().asPng()
}
