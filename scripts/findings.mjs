// Writes the "Finding" section of every experiments/<name>/README.md from results/<name>/runs.csv (of `zeroth`: summary.json), so that
// no number in it is typed by hand. `--check` writes nothing and fails when one is not current.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

const HEAD = '## Finding\n'
const check = process.argv.includes('--check')

/** Tables ({head, rows}), captions (texts that end with a colon) and statements, as Markdown. */
function markdownOf(parts) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  const text = (part) => {
    if (typeof part === 'string') return part.endsWith(':') ? `\n${part}\n` : `- ${part}`
    const { head, rows } = part
    return ['', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n')
  }
  return parts
    .map(text)
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** Rows whose columns (or, failing that, editor options) have the wanted values. */
const matching = (rows, wanted) =>
  rows.filter((row) =>
    Object.entries(wanted).every(([key, value]) => {
      const cell = key in row ? row[key] : JSON.parse(row.options)[key]
      return [value].flat().some((one) => String(one) === String(cell))
    }),
  )

/** A column of a row, or a further score, `others_edited.NAME`; empty where there is none. */
function cellOf(row, column) {
  const [, others, name] = /^(others_\w+)\.(.+)$/.exec(column) ?? []
  return others ? (JSON.parse(row[others] || '{}')[name] ?? '') : row[column]
}

/** What a finding script works with. */
function tools(name) {
  const rows = parse(readFileSync(`results/${name}/runs.csv`), { columns: true }).filter((row) => row.status === 'ok')
  const values = (wanted, column) => {
    const found = matching(rows, wanted)
      .map((row) => cellOf(row, column))
      .filter((cell) => cell !== '')
      .map(Number)
    if (!found.length) throw new Error(`${name}: no row has ${JSON.stringify(wanted)} with ${column}`)
    return found
  }
  const mean = (wanted, column) => values(wanted, column).reduce((a, b) => a + b, 0) / values(wanted, column).length
  return {
    rows,
    of: (wanted) => matching(rows, wanted),
    values,
    mean,
    /** Mean score of the edited model as a percentage with one decimal. */
    score: (wanted) => `${(100 * mean(wanted, 'score_edited')).toFixed(1)} %`,
    percent: (x) => `${(100 * x).toFixed(1)} %`,
    digits: (x) => Number(x.toPrecision(3)).toString(),
    verdict: (holds) => (holds ? '**holds**' : '**does not hold**'),
    spearman,
  }
}

const ranks = (xs) => {
  const order = xs.map((x, i) => [x, i]).sort((a, b) => a[0] - b[0])
  const out = []
  for (let i = 0; i < order.length; ) {
    let j = i
    while (j < order.length && order[j][0] === order[i][0]) j++
    for (let k = i; k < j; k++) out[order[k][1]] = (i + j - 1) / 2
    i = j
  }
  return out
}

/** Spearman's rank correlation. */
function spearman(xs, ys) {
  const [a, b] = [ranks(xs), ranks(ys)]
  const m = (xs.length - 1) / 2
  const sum = (f) => a.reduce((total, _, i) => total + f(a[i] - m, b[i] - m), 0)
  return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y))
}

let stale = false
for (const name of readdirSync('experiments')
  .filter((each) => existsSync(`experiments/${each}/finding.mjs`))
  .sort()) {
  const { finding } = await import(`../experiments/${name}/finding.mjs`)
  const swept = existsSync(`results/${name}/runs.csv`)
  if (!swept && !existsSync(`results/${name}/summary.json`)) continue
  const kit = swept ? tools(name) : JSON.parse(readFileSync(`results/${name}/summary.json`, 'utf8'))
  const file = `experiments/${name}/README.md`
  const text = readFileSync(file, 'utf8')
  const [before] = text.split(HEAD)
  const [runs, record] = swept ? [kit.rows, 'meta.json'] : [kit.results, 'summary.json']
  const source = `Measured: ${runs.length} runs, results/${name}/ (configuration, input hashes and versions in its ${record}).`
  const next = `${before}${HEAD}\n${markdownOf(finding(kit))}\n\n${source}\n`
  if (next === text) continue
  stale = true
  if (!check) writeFileSync(file, next)
  process.stdout.write(`${file} ${check ? 'is not current; run node scripts/findings.mjs' : 'written'}\n`)
}
if (check && stale) process.exit(1)
