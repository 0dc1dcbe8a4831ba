// What is known of the work under way, from what it said, and one line of text about it that fits a terminal.
import { amount } from '../errors/index.js'
import type { Progress, WorkFacts } from '../progress/index.js'

interface Node extends WorkFacts {
  parent: string | null
  /** How much of the parent's total this is. */
  share: number
  children: Set<Node>
  /** All that is done, and what of it an earlier run did. */
  done: number
  earlier: number
  what: string
  /** Seconds at which it began, and at which the first of it began to be done. */
  begun: number
  since: number | null
  /** The most that was shown: a part that ends makes no bar go back. */
  high: number
}

export interface ProgressState {
  /** @param now seconds since any fixed moment, here and below */
  hear(message: Progress, now: number): void
  /** The line for a terminal of so many columns; null where no work is under way. */
  line(now: number, columns: number): string | null
  /** The line for a file, without a bar. */
  plain(now: number): string | null
}

export function openProgressState(): ProgressState {
  const nodes = new Map<string, Node>()
  const hear = (message: Progress, now: number) => {
    if ('begin' in message) {
      const { id, begin, parent, share } = message
      const node = { ...begin, parent, share, children: new Set<Node>(), done: 0, earlier: 0 }
      const begun: Node = { ...node, what: '', begun: now, since: null, high: 0 }
      nodes.set(id, begun)
      const above = parent === null ? undefined : nodes.get(parent)
      above?.children.add(begun)
      for (
        let each = share > 0 ? above : undefined;
        each;
        each = each.parent === null ? undefined : nodes.get(each.parent)
      )
        each.since ??= now
      return
    }
    const node = nodes.get(message.id)
    if (!node) return
    if ('end' in message) {
      nodes.delete(message.id)
      if (node.parent !== null) nodes.get(node.parent)?.children.delete(node)
      return
    }
    if (message.done > message.earlier) node.since ??= node.begun
    node.done = message.done
    node.earlier = message.earlier
    if (message.what) node.what = message.what
  }
  /** The oldest work, and the oldest in it, and so on. */
  const chain = (): Node[] => {
    const found: Node[] = []
    let next = [...nodes.values()].find(({ parent }) => parent === null || !nodes.has(parent))
    while (next) {
      found.push(next)
      ;[next] = next.children
    }
    return found
  }
  return {
    hear,
    line(now, columns) {
      const all = chain()
      return all.length ? fit(describe(all, now), columns) : null
    },
    plain(now) {
      const all = chain()
      if (!all.length) return null
      const { above, name, share, counter, left, rate, inner } = describe(all, now)
      const percent = share === null ? '' : `${Math.floor(100 * share)} %`
      const facts = [counter, counter === percent ? '' : percent, rate, left, inner].filter(Boolean)
      return [...above, name, facts.join(', ')].filter(Boolean).join(': ')
    },
  }
}

/** What is done, with what is done of its parts; null where the total is not known. */
function doneOf(node: Node): number | null {
  const { total, done, children } = node
  if (!total) return null
  let sum = done
  for (const child of children) sum += child.share * (shareOf(child) ?? 0)
  node.high = Math.max(node.high, Math.min(total, sum))
  return node.high
}

const shareOf = (node: Node): number | null => (node.total ? doneOf(node)! / node.total : null)

interface Description {
  /** Names of the work that this work is in. */
  above: string[]
  name: string
  share: number | null
  counter: string
  left: string
  rate: string
  /** What it does now. */
  inner: string
}

/** The bar is that of the outermost work of which something was done. */
function describe(all: readonly Node[], now: number): Description {
  const moved = all.findIndex((node) => (doneOf(node) ?? 0) > node.earlier)
  const at =
    moved >= 0
      ? moved
      : Math.max(
          0,
          all.findIndex(({ total }) => total),
        )
  const node = all[at]!
  const [next, ...deeper] = all.slice(at + 1)
  // Of the work inside, the first that is counted tells enough.
  const counted = [next, ...deeper].find((each) => each && each.unit !== '%' && each.total !== 1)
  const names = [...new Set([next, counted])].flatMap((each) =>
    each ? [each === counted ? said(each) : each.name] : [],
  )
  return {
    above: all.slice(0, at).map(({ name }) => name),
    name: node.name,
    share: shareOf(node),
    counter: countText(node),
    ...speedOf(node, now),
    inner: [...names, (counted ?? node).what].filter(Boolean).join(': '),
  }
}

const said = (node: Node): string => `${node.name} ${countText(node)}`.trim()

function countText(node: Node): string {
  const { unit, total, done } = node
  if (!total) return ''
  if (unit === '%') return `${Math.floor(100 * shareOf(node)!)} %`
  if (unit !== 'bytes') return `${Math.floor(done + 1e-6)}/${total} ${unit}`
  const [size, name] = amount(total).split(' ')
  const scale = { kB: 1e3, MB: 1e6, GB: 1e9 }[name!]!
  return `${(done / scale).toFixed(1)}/${size} ${name}`
}

/** Before so many seconds a speed tells something only when so much is done. */
const FEW_SECONDS = 30
const SMALL_SHARE = 0.01

/** The speed since something was done, without what an earlier run did, and the time that is left at that speed. */
function speedOf(node: Node, now: number): { left: string; rate: string } {
  const { unit, total, earlier, since } = node
  const done = doneOf(node)
  const fresh = (done ?? 0) - earlier
  const seconds = now - (since ?? now)
  const isTelling = seconds >= FEW_SECONDS || (seconds >= 1 && fresh >= SMALL_SHARE * total!)
  if (!(fresh > 0 && isTelling)) return { left: '', rate: '' }
  const rate = fresh / seconds
  const left = `${durationText((total! - done!) / rate)} left`
  if (unit === '%') return { left, rate: '' }
  return { left, rate: unit === 'bytes' ? `${amount(rate)}/s` : rateText(rate) }
}

/** So many a second in words: `1.5/s`, `23/h`. */
export const rateText = (rate: number): string => {
  const [each, name] = rate >= 1 ? [rate, 's'] : rate >= 1 / 60 ? [60 * rate, 'min'] : [3600 * rate, 'h']
  return `${each.toFixed(each < 10 ? 1 : 0)}/${name}`
}

/** Seconds as people say them: `9 s`, `2 min 11 s`, `3 h 20 min`. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** From how many columns on there is room for a long bar. */
const WIDE = 100
/** Fewest columns for what is done now. */
const INNER = 12

/** The line in as many columns: what matters least is left out first. */
function fit({ above, name, share, counter, left, rate, inner }: Description, columns: number): string {
  const bar = share === null ? '' : drawBar(share, columns >= WIDE ? 24 : 10)
  const rest = [bar, counter].filter(Boolean).join(' ')
  let text = `${shorten(name, Math.max(8, columns - rest.length - 1))} ${rest}`.trim()
  for (const piece of [left, rate]) if (piece && text.length + piece.length + 3 <= columns) text += ` · ${piece}`
  const before = above.map((each) => `${each} · `).join('')
  const room = columns - text.length - 3
  if (before.length + Math.min(inner.length, INNER) <= room) text = before + text
  const space = columns - text.length - 3
  if (inner && space >= Math.min(inner.length, INNER)) text += ` · ${shorten(inner, space)}`
  return shorten(text, columns)
}

/** The text, cut to so many columns. */
export const shorten = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`

/** A bar of so many columns. @param share from 0 to 1 */
export function drawBar(share: number, width: number): string {
  const full = Math.floor(share * width + 1e-9)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
