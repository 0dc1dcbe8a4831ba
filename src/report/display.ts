// How a value shows itself in a notebook: as a bundle of MIME types, of which the notebook picks the best that it can draw.

/** Text by MIME type; bytes (PNG) are in base64. */
export type MimeBundle = Record<string, string>

/** Key of the method that Deno's kernel calls. */
export const DISPLAY: unique symbol = Symbol.for('Jupyter.display') as never

/** A value that JavaScript kernels for Jupyter show as a picture or a formatted table: Deno's kernel, IJavascript. */
export interface Displayed {
  /** The protocol of Deno's kernel. */
  [DISPLAY](): MimeBundle
  /** The protocol of IJavascript. */
  _toMime(): MimeBundle
}

/** The same value with the methods that kernels look for. They are hidden from `Object.keys` and from JSON. */
export function displayed<T extends object>(value: T, bundle: () => MimeBundle): T & Displayed {
  return Object.defineProperties(value, { [DISPLAY]: { value: bundle }, _toMime: { value: bundle } }) as T & Displayed
}
