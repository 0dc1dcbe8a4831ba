// What stands between `{% raw %}` and `{% endraw %}`, written as a text in quotes, which the library reads.
import type { TemplateStyle } from './filters/index.js'

/** A comment; a raw block with the signs of its tags and the space behind them; any other tag, whose texts in quotes may hold the ends of tags. */
const PART =
  /\{#[\s\S]*?#\}|\{%([-+]?)\s*raw\s*(?:-%\}\s*|%\})([\s\S]*?)\{%([-+]?)\s*endraw\s*(?:-%\}\s*|\+?%\})|\{([{%])(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^'"])*?[%}]\}/g

/** Without the space in front of a tag that is the first of its line; `-` takes all space, and `+` none. */
function before(text: string, sign: string, lines: boolean): string {
  if (sign === '-') return text.replace(/\s+$/, '')
  return lines && sign !== '+' ? text.replace(/\n[^\S\n]+$/, '\n') : text
}

/** Braces apart from their neighbours: no tag is left in the source. */
const quoted = (text: string): string =>
  `{{ "${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n').replace(/[{}]/g, '" ~ "$&" ~ "')}" }}`

/**
 * The source of a template without raw blocks. Spaces and line breaks around their tags are kept and dropped as Jinja2 3.1 does
 * (`root_raw_re` and `TOKEN_RAW_BEGIN` of its lexer; `lstrip_blocks` and `trim_blocks` in chat templates).
 */
export function quoteRaw(source: string, style: TemplateStyle): string {
  const lines = style === 'chat'
  let [done, from] = ['', 0]
  for (const found of source.matchAll(PART)) {
    const [all, sign, raw, endSign] = found
    if (raw === undefined) continue
    const first = from === 0 || source[from - 1] === '\n'
    const text = source.slice(from, found.index)
    done += first ? before(`\n${text}`, sign!, lines).slice(1) : before(text, sign!, lines)
    // An open brace in front would be read as part of a tag.
    const [open] = /\{*$/.exec(done)!
    done = done.slice(0, done.length - open.length) + quoted(open + before(raw, endSign!, lines))
    from = found.index + all.length
    if (lines && /[^-+]%\}$/.test(all)) from += /^(\n([ \t]*(?=\{[%#](?!\+)))?)?/.exec(source.slice(from))![0].length
  }
  return done + source.slice(from)
}
