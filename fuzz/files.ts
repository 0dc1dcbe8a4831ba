// Files that stand by themselves: merge files, experiments, recipes, tasks and their data, results, seeds, images.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { openCheckpoint } from '../src/checkpoint/index.js'
import { handler as merge } from '../src/cli/commands/merge.js'
import { loadExperiment, trainingSchema } from '../src/config/index.js'
import { packageRoot } from '../src/files/index.js'
import { loadModel } from '../src/models/index.js'
import { identifyTasks, openInputs, planRuns } from '../src/plan/index.js'
import { readResults } from '../src/record/index.js'
import { printTable, readSource, reportTable } from '../src/report/index.js'
import { loadTask, readPixels } from '../src/tasks/index.js'
import { readYaml } from '../src/yaml/index.js'
import { readSeeds, writeSeeds, zerothSchema } from '../src/zeroth/index.js'
import { makePair } from '../test/run/pair.js'
import { digest, type Kind, type Sample } from './kind.js'

const fixture = (...path: string[]) => join(packageRoot, 'test', 'fixtures', ...path)
const plainImage = {
  size: { height: 16, width: 16 },
  resize: { to: { height: 16, width: 16 }, filter: 2 as const },
  factor: 1 / 255,
  mean: [0, 0, 0],
  deviation: [1, 1, 1],
}

/** Each of these texts as a file of its own. */
const written = (
  folder: string,
  ending: string,
  texts: readonly (string | Buffer)[],
  read: (file: string) => Promise<unknown>,
  command?: (file: string) => string[],
): Sample[] =>
  texts.map((text, i) => {
    const file = join(folder, `${i}${ending}`)
    writeFileSync(file, text)
    return { file, read: () => read(file), command: command?.(file) }
  })

const CARD = `name: mine
version: 1
description: Words after words.
data: items.jsonl
prompt: "{{ question }} {{ more }}"
target: "{{ answer }}"
metric: exact_match
max_new_tokens: 4
stop: ["."]
filters: { last: [{ regex: "(\\\\w+)$", take: -1 }] }
fewshot: { number: 1, samples: [{ question: a, more: b, answer: c }] }
`
const CHOICES = `name: choose
version: 2
description: One of three.
kind: choices
data: choices.jsonl
prompt: "{{ question }}"
choices: options
right: label
metric: [acc, acc_norm]
`
const ROWS = [
  '{"question":"one","more":"two","answer":"three"}',
  '{"question":"four","more":"five","answer":"six"}',
  '',
].join('\n')
const OPTIONS = [
  '{"question":"hot?","options":["ice","fire"],"label":1}',
  '{"question":"wet?","options":["rain","sand"],"label":0}',
  '',
].join('\n')

const taskOf = async (file: string): Promise<unknown> => {
  const { items, name, metric, maxNewTokens } = await loadTask(file)
  const bad = items.find(({ prompt, target }) => typeof prompt !== 'string' || typeof target !== 'string')
  if (bad) throw new Error(`item ${bad.id} is no text`)
  return [
    name,
    metric,
    maxNewTokens,
    items.map((item) =>
      ['id', 'prompt', 'target', 'choices', 'right', 'label', 'crop'].map((key) => Reflect.get(item, key)),
    ),
  ]
}

function data(folder: string, name: string, bytes: string | Buffer): Sample[] {
  const [file, card] = [join(folder, name), join(folder, 'card.yaml')]
  writeFileSync(file, bytes)
  writeFileSync(card, CARD.replace('items.jsonl', name))
  return [{ file, read: () => taskOf(card) }]
}

function results(folder: string, name: string): Sample[] {
  return ['drop-rate', 'merge-skills'].map((each): Sample => {
    const to = join(folder, each)
    mkdirSync(to)
    for (const file of ['runs.csv', 'meta.json', 'config.yaml'])
      cpSync(join(packageRoot, 'results', each, file), join(to, file))
    // The first rows are enough.
    const rows = readFileSync(join(to, 'runs.csv'), 'utf8').split('\n').slice(0, 12)
    writeFileSync(join(to, 'runs.csv'), `${rows.join('\n')}\n`)
    const read = async () => {
      const { rows } = await readResults(to)
      printTable(reportTable(await readSource(to)), 'md')
      return rows.map((row) => Object.values(row).filter((value) => typeof value === 'number'))
    }
    return { file: join(to, name), read, command: ['table', to] }
  })
}

const EXPERIMENT = `name: own
models: [{ name: llama3, base: base, post: post, tasks: [items.jsonl] }]
editors:
  - { editor: dare, drop_rate: [0.1, 0.5] }
  - chain: [{ editor: magnitude, drop_rate: 0.5 }, { editor: expo, alpha: 0.1 }]
merges: [{ merger: average, posts: [post], label: one }]
seeds: 2
score: { items: 3 }
loss: { items: 3, steps: 2 }
report: { x: drop_rate, y: [score_edited] }
`
const MERGES = () =>
  readdirSync(fixture('merge'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => readFileSync(fixture('merge', name), 'utf8'))

let merges = 0
async function mergeIn(file: string): Promise<unknown> {
  const out = `${file}.out${++merges}`
  const args = {
    config: file,
    out,
    plugin: [],
    dryRun: false,
    shardSize: 5,
    overwrite: false,
    backend: 'wasm',
    json: true,
  }
  try {
    await merge(args as unknown as Parameters<typeof merge>[0])
    const merged = await openCheckpoint(out)
    const sums: unknown[] = []
    for (const name of [...merged.tensors.keys()].sort()) sums.push([name, digest(await merged.read(name))])
    await merged.close()
    return sums
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

const image = (file: string): Sample => ({ file, read: async () => digest(readPixels([{ image: file }], plainImage)) })

export const FILES: Kind[] = [
  {
    name: 'merge',
    form: 'yaml',
    open(folder) {
      cpSync(fixture('merge', 'models'), join(folder, 'models'), { recursive: true })
      return written(folder, '.yml', MERGES(), mergeIn, (file) => ['merge', file, `${file}.merged`, '--dry-run'])
    },
  },
  {
    name: 'experiment',
    form: 'yaml',
    open() {
      const pair = makePair()
      const file = join(pair, 'own.yaml')
      writeFileSync(file, EXPERIMENT)
      const read = async () => {
        const experiment = await loadExperiment(file)
        await openInputs(experiment)
        return planRuns(experiment, identifyTasks(experiment)).map(({ id }) => id)
      }
      return [{ file, read, command: ['plan', file] }]
    },
  },
  {
    name: 'recipe',
    form: 'yaml',
    open: (folder) => [
      ...written(
        folder,
        '.yaml',
        readdirSync(join(packageRoot, 'configs', 'family')).map((name) =>
          readFileSync(join(packageRoot, 'configs', 'family', name), 'utf8'),
        ),
        async (file) => {
          const { model, ...rest } = (await readYaml(file, trainingSchema)).value
          return [rest, model && !rest.from && Object.keys(loadModel(model).shapes)]
        },
      ),
      ...written(
        join(folder),
        '.zeroth.yaml',
        [readFileSync(join(packageRoot, 'configs', 'zeroth-order.yaml'), 'utf8')],
        async (file) => (await readYaml(file, zerothSchema)).value,
      ),
    ],
  },
  {
    name: 'card',
    form: 'yaml',
    open(folder) {
      writeFileSync(join(folder, 'items.jsonl'), ROWS)
      writeFileSync(join(folder, 'choices.jsonl'), OPTIONS)
      return written(folder, '.yaml', [CARD, CHOICES], taskOf)
    },
  },
  {
    name: 'jsonl',
    form: 'jsonl',
    open(folder) {
      writeFileSync(join(folder, 'choose.yaml'), CHOICES)
      writeFileSync(join(folder, 'choices.jsonl'), OPTIONS)
      return [
        ...data(folder, 'items.jsonl', ROWS),
        { file: join(folder, 'choices.jsonl'), read: () => taskOf(join(folder, 'choose.yaml')) },
      ]
    },
  },
  {
    name: 'image list',
    form: 'jsonl',
    open(folder) {
      cpSync(fixture('images', 'wide.jpg'), join(folder, 'wide.jpg'))
      const card = join(folder, 'card.yaml')
      writeFileSync(card, 'name: seen\nversion: 1\ndescription: Seen.\nkind: images\ndata: list.jsonl\nmetric: acc\n')
      writeFileSync(
        join(folder, 'list.jsonl'),
        '{"image":"wide.jpg","crop":[0,0,8,8],"label":1}\n{"image":"wide.jpg","label":0,"id":"b"}\n',
      )
      const read = async () => {
        const task = await loadTask(card)
        if (task.kind !== 'images') throw new Error('the card is one of images')
        return [await taskOf(card), digest(readPixels(task.items, plainImage))]
      }
      return [{ file: join(folder, 'list.jsonl'), read }]
    },
  },
  {
    name: 'csv',
    form: 'csv',
    open: (folder) => data(folder, 'items.csv', 'question,more,answer\none,two,three\n"fo,ur",five,"s ""i"" x"\n'),
  },
  {
    name: 'parquet',
    form: 'bytes',
    open: (folder) =>
      data(
        folder,
        'items.parquet',
        Buffer.from(
          parquetWriteBuffer({
            columnData: [
              ['question', ['one', 'four']],
              ['more', ['two', 'five']],
              ['answer', ['three', 'six']],
            ].map(([name, values]) => ({ name: name as string, data: values as string[] })),
          }),
        ),
      ),
  },
  { name: 'rows of results', form: 'csv', open: (folder) => results(folder, 'runs.csv') },
  { name: 'meta of results', form: 'json', open: (folder) => results(folder, 'meta.json') },
  { name: 'config of results', form: 'yaml', open: (folder) => results(folder, 'config.yaml') },
  {
    name: 'seeds',
    form: 'safetensors',
    async open(folder) {
      const file = join(folder, 'delta.safetensors')
      await writeSeeds(file, { seed: 7, scalars: Float32Array.of(0.5, -1, 2) }, 'abc')
      return [
        {
          file,
          read: async () => {
            const { seed, scalars, base } = await readSeeds(file)
            return [seed, [...scalars], base]
          },
        },
      ]
    },
  },
  {
    name: 'image',
    form: 'bytes',
    open: (folder) =>
      ['bit.png', 'clear.png', 'palette.png', 'palette2.png', 'grey.jpg', 'tall.jpg', 'wide.jpg'].map((name) => {
        cpSync(fixture('images', name), join(folder, name))
        return image(join(folder, name))
      }),
  },
]
