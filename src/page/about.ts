// What to doubt, what failed, and where the rows come from.
import type { Row } from '../record/index.js'
import { make, scrollBox } from './dom.js'
import type { ShownExperiment } from './experiments.js'

/** Doubts about the rows, their warnings, and the failed runs with their errors; null where there is nothing to say. */
export function makeNotes({ doubts, source: { rows } }: ShownExperiment): HTMLElement | null {
  const failed = rows.filter(({ status }) => status === 'failed')
  const said = [...doubts.map((text) => make('li', {}, text)), ...groupsOf(rows, ({ warnings }) => warnings)]
  if (said.length + failed.length === 0) return null
  return make(
    'div',
    { class: 'notes' },
    ...(said.length ? [make('ul', {}, ...said)] : []),
    ...(failed.length
      ? [
          make('h4', {}, `${failed.length} of ${rows.length} runs failed`),
          make('ul', { class: 'failures' }, ...groupsOf(failed, ({ error }) => error ?? 'no reason given')),
        ]
      : []),
  )
}

/** The rows by what they say, the most frequent first, with some of their names. */
function groupsOf(rows: readonly Row[], textOf: (row: Row) => string | null): HTMLElement[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const text = textOf(row)
    if (text === null) continue
    const own = groups.get(text)
    if (own) own.push(row)
    else groups.set(text, [row])
  }
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([text, own]) => {
      const names = [...new Set(own.map(({ model, task, label }) => `${model} ${task} ${label}`))]
      const few = `${names.slice(0, 4).join('; ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`
      return make('li', {}, text, make('small', {}, ` ${own.length} ${own.length === 1 ? 'run' : 'runs'}: ${few}`))
    })
}

/** Versions, machine, inputs with their hashes, seeds and dates of each folder, and its configuration. */
export const makeProvenance = ({ folders, source: { rows } }: ShownExperiment): HTMLElement =>
  make(
    'div',
    {},
    ...folders.flatMap(({ folder, meta, config }) => {
      const { environment, backend, inputs, plugins = [], earlier = [] } = meta
      const facts: [string, string][] = [
        ['folder', folder],
        [
          'runs',
          `${meta.runs} planned, ${rows.length} here, ${rows.filter(({ status }) => status === 'failed').length} failed`,
        ],
        ['seeds', rangesOf(rows.flatMap(({ seed }) => seed ?? [])) || 'none'],
        ['started', meta.started],
        ['finished', meta.finished ?? 'not yet'],
        ['deltalab', `${environment.deltalab}${environment.commit ? `, commit ${environment.commit}` : ''}`],
        ['backend', `${backend.name}, ${backend.package}`],
        ['machine', `${environment.platform}, ${environment.cpu}, ${environment.cores} cores, ${meta.jobs} jobs`],
        ['Node', `${environment.node}, TensorFlow.js ${environment.tfjs}`],
        ...earlier.map((each): [string, string] => [
          'also made by',
          `deltalab ${each.deltalab}, ${each.platform}, ${each.cpu}, Node ${each.node}`,
        ]),
        ...plugins.map(({ name, sha256 }): [string, string] => ['plugin', `${name}, sha256 ${sha256}`]),
        ['configuration', `sha256 ${meta.config_hash}`],
      ]
      const hashes = Object.entries(inputs).map(([path, hash]) =>
        make('tr', {}, make('td', {}, path), make('td', {}, make('code', {}, hash))),
      )
      return [
        scrollBox(
          `Where ${folder} comes from`,
          make(
            'table',
            { class: 'facts' },
            make(
              'tbody',
              {},
              ...facts.map(([name, value]) =>
                make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, value)),
              ),
            ),
          ),
        ),
        make(
          'details',
          {},
          make('summary', {}, `${hashes.length} input files and their SHA-256`),
          scrollBox(`Inputs of ${folder}`, make('table', { class: 'facts' }, make('tbody', {}, ...hashes))),
        ),
        make(
          'details',
          {},
          make('summary', {}, 'Configuration'),
          scrollBox(`Configuration of ${folder}`, make('pre', {}, config)),
        ),
      ]
    }),
  )

/** `1–5, 9`: whole numbers in few words. */
export function rangesOf(values: readonly number[]): string {
  const sorted = [...new Set(values)].sort((a, b) => a - b)
  const ranges: [number, number][] = []
  for (const value of sorted) {
    const last = ranges.at(-1)
    if (last && value === last[1] + 1) last[1] = value
    else ranges.push([value, value])
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(', ')
}
