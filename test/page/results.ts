// A small results folder for tests of its page: two tasks, two methods, three rates, two seeds, one failed run; its words try to be HTML.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'
import { type Row, writeTables } from '../../src/record/index.js'
import { makeRow } from '../report/rows.js'

export const HOSTILE = '</script><b>bold</b><img src=x onerror=alert(1)>'

/** 24 finished rows, whose score is 1 − rate × seed / 10 for `dare` and 0.5 for the other, and a failed one. */
export function pageRows(): Row[] {
  const finished = ['math', 'code'].flatMap((task) =>
    ['dare', HOSTILE].flatMap((label) =>
      [0.1, 0.5, 0.9].flatMap((rate) =>
        [1, 2].map((seed) =>
          makeRow({
            task,
            label,
            drop_rate: rate,
            seed,
            options: { drop_rate: rate, rescale: label === 'dare' },
            score_edited: label === 'dare' ? 1 - (rate * seed) / 10 : 0.5,
            loss_change: rate / 100,
            warnings: rate === 0.9 ? 'nearly nothing is kept' : null,
          }),
        ),
      ),
    ),
  )
  return [
    ...finished,
    makeRow({ label: 'dare', drop_rate: 0.99, seed: 1, score_edited: null, status: 'failed', error: HOSTILE }),
  ]
}

/** Writes the folder with terms of the first two runs, two layers of each. */
export async function writePageResults(folder: string): Promise<Row[]> {
  mkdirSync(folder, { recursive: true })
  const rows = pageRows()
  const terms = rows.slice(0, 2).flatMap(({ id }, i) =>
    ['model.layers.0.mlp.up_proj.weight', 'model.layers.1.mlp.up_proj.weight', 'model.norm.weight'].map(
      (tensor, j) => ({
        run: id,
        tensor,
        role: tensor.includes('norm') ? 'norm' : 'mlp',
        parameters: 100,
        edit_norm: 1,
        term: (i + 1) * (j - 1) * 0.001,
        delta_norm: 2,
      }),
    ),
  )
  await writeTables(folder, rows, terms)
  const meta = JSON.parse(readFileSync(join(packageRoot, 'results', 'riemann', 'meta.json'), 'utf8')) as object
  writeFileSync(join(folder, 'meta.json'), JSON.stringify({ ...meta, experiment: 'made-up', runs: 25, failed: 1 }))
  const config = { name: 'made-up', title: HOSTILE, report: { x: 'drop_rate', y: 'score_edited' } }
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config))
  writeFileSync(
    join(folder, 'README.md'),
    `# Made up\n\n## Question\n\nIs ${HOSTILE} text? [a file](../x.md), [a link](https://example.org/), [a trap](javascript:alert(1))\n\n![picture](figure.svg)\n`,
  )
  return rows
}
