// Draws a figure of its spec. What draws, vega and resvg, is loaded for the first figure: tables need none of it.
import type { TopLevelSpec } from 'vega-lite'

/** SVG text, and PNG bytes of two pixels per unit of the SVG. */
export async function draw(spec: TopLevelSpec): Promise<{ svg: string; png: Uint8Array }> {
  const { renderPng, renderSvg } = await import('./render.js')
  const svg = await renderSvg(spec)
  return { svg, png: renderPng(svg) }
}
