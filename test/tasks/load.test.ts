// Cards and JSONL files of people: what they become, and every way they can be wrong, with path and line.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { listTasks, loadTask, SHIPPED } from '../../src/tasks/index.js'
import { loadKind } from './kinds.js'

const folder = mkdtempSync(join(tmpdir(), 'tasks-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const card = (changes = '') =>
  `name: mine\nversion: 2\ndescription: two questions\nmetric: exact_match\nmax_new_tokens: 8\ndata: mine.jsonl\n${changes}`
const line = (fields: object) => `${JSON.stringify(fields)}\n`

test('the shipped tasks are found by name from any working folder', async () => {
  const home = process.cwd()
  process.chdir(folder)
  try {
    assert.deepEqual(
      (await listTasks({ roots: SHIPPED.slice(0, 1) })).map(({ name, metric, n }) => [name, metric, n]),
      [
        ['acceptability', 'matthews', 512],
        ['code', 'program', 512],
        ['colour', 'acc', 640],
        ['count', 'acc', 640],
        ['digit', 'acc', 640],
        ['entailment', 'acc', 512],
        ['instruct', 'exact_match', 512],
        ['instruct_isc', 'exact_match', 512],
        ['instruct_isc_given', 'exact_match', 512],
        ['links', 'mrr', 112],
        ['links-kin', 'mrr', 78],
        ['links-places', 'mrr', 34],
        ['math', 'final_number', 512],
        ['math_choices', 'acc', 512],
        ['math_filtered', 'exact_match', 512],
        ['orientation', 'acc', 640],
        ['position', 'acc', 640],
        ['sentiment', 'acc', 512],
        ['shape', 'acc', 640],
        ['similarity', 'pearson', 512],
        ['size', 'acc', 640],
        ['texture', 'acc', 640],
        ['triples', 'acc', 112],
        ['triples-kin', 'acc', 78],
        ['triples-places', 'acc', 34],
      ],
    )
    assert.equal((await loadTask('math')).items[0]!.prompt.startsWith('Problem:'), true)
  } finally {
    process.chdir(home)
  }
})

test('a card maps field names, keeps other fields, and finds its data beside itself', async () => {
  file(
    'mine.jsonl',
    `${line({ question: 'Q1', gold: 'A1', level: 3 })}\n${line({ id: 7, question: 'Q2', gold: 'A2' })}`,
  )
  const path = file('mine.yaml', card("prompt: '{{question}}'\ntarget: '{{gold}}'\n"))
  const wanted = {
    name: 'mine',
    version: 2,
    description: 'two questions',
    kind: 'generate',
    metric: 'exact_match',
    maxNewTokens: 8,
    items: [
      { id: '1', prompt: 'Q1', target: 'A1', fields: { level: 3 } },
      { id: '7', prompt: 'Q2', target: 'A2', fields: {} },
    ],
  }
  assert.deepEqual(await loadTask(path), wanted)
  assert.deepEqual(await loadTask('mine', { roots: [join(folder, 'absent'), folder] }), wanted)
})

test('a bare JSONL file is a task with room for its longest target', async () => {
  const path = file(
    'bare.jsonl',
    line({ prompt: 'a', target: ' #### 5' }) + line({ prompt: 'b', target: ' é #### 1,000' }),
  )
  const task = await loadTask(path)
  assert.deepEqual([task.name, task.version, task.metric, task.maxNewTokens], ['bare', 1, 'exact_match', 15])
  await assert.rejects(loadTask(`${path}:2`), /task bare has no examples to put before its prompts/)
})

test('a number may be the target, and the index of the right choice', async () => {
  const { items: asked } = await loadKind('generate', file('numbers.jsonl', line({ prompt: 'a', target: 36 })))
  assert.equal(asked[0]!.target, '36')
  file('q.jsonl', line({ q: 'a', c: ['x', 'y'], r: 1 }))
  const { items } = await loadKind('choices', file('index.yaml', question({ right: "'{{r}}'" })))
  assert.deepEqual(items[0]!.right, [1])
})

const good = line({ prompt: 'a', target: 'b' })
const badLines: [name: string, text: string, message: RegExp][] = [
  ['not JSON', good + '{"prompt": "a",\n', /bad\.jsonl:2: not valid JSON/],
  ['not an object', good + '["a", "b"]\n', /bad\.jsonl:2: a JSON object/],
  ['no prompt', line({ target: 'b' }), /bad\.jsonl:1: no "prompt"/],
  ['no target', `\n\n${line({ prompt: 'a' })}`, /bad\.jsonl:3: no "target"/],
  ['a prompt that is no text', line({ prompt: 3, target: 'b' }), /bad\.jsonl:1: "prompt" must be a text/],
  ['a target that is a list', line({ prompt: 'a', target: ['b'] }), /bad\.jsonl:1: "target" must be a text/],
  ['an empty target', line({ prompt: 'a', target: '' }), /bad\.jsonl:1: "target" must be a text/],
  ['an id that is no name', line({ id: [1], prompt: 'a', target: 'b' }), /bad\.jsonl:1: id must be/],
  [
    'a duplicate id',
    line({ id: 'q', prompt: 'a', target: 'b' }) + good + line({ id: 'q', prompt: 'c', target: 'd' }),
    /bad\.jsonl:3: id "q" is already that of line 1/,
  ],
  [
    'an id equal to a line number',
    line({ id: '2', prompt: 'a', target: 'b' }) + good,
    /bad\.jsonl:2: id "2" is already that of line 1/,
  ],
  ['no items', '\n \n', /bad\.jsonl holds no items/],
]
for (const [name, text, message] of badLines) {
  test(`refused, with path and line: ${name}`, async () => {
    await assert.rejects(
      loadTask(file('bad.jsonl', text)),
      (error) => error instanceof UserError && message.test(error.message),
    )
  })
}

const badCards: [name: string, text: string, message: RegExp][] = [
  ['broken YAML', 'name: mine\nmetric: [\n', /card\.yaml:3:1: /],
  ['an alias of nothing', 'name: *x\n', /card\.yaml:1:7: .*alias/i],
  ['not a map', '- a\n', /card\.yaml:1:1: /],
  ['an unknown entry', card('metrics: x\n'), /card\.yaml:7:1: metrics: unknown key "metrics"; did you mean "metric"/],
  [
    'an unknown entry of a part',
    card('fewshot: { nmber: 2 }\n'),
    /card\.yaml:7:12: fewshot\.nmber: unknown key "nmber"; did you mean "number"\? Known: number, file/,
  ],
  [
    'data of the hub without a split',
    card().replace('data: mine.jsonl', 'data: { hub: a/b }'),
    /data\.split: is required: text/,
  ],
  [
    'an unknown metric',
    card().replace('exact_match', 'exact_mtch'),
    /card\.yaml:4:1: metric: unknown metric "exact_mtch"; did you mean "exact_match"/,
  ],
  [
    'a version that is no number',
    card().replace('version: 2', 'version: new'),
    /card\.yaml:2:1: version: must be a number; got "new"/,
  ],
  [
    'no room for an answer',
    card().replace('max_new_tokens: 8', 'max_new_tokens: 0'),
    /card\.yaml:5:1: max_new_tokens: /,
  ],
  ['an entry is missing', 'name: mine\nversion: 1\n', /card\.yaml:1:1: description: is required: text/],
  ['data that does not exist', card().replace('mine.jsonl', 'absent.jsonl'), /absent\.jsonl: no such file/],
]
for (const [name, text, message] of badCards) {
  test(`refused, with path and line: a card with ${name}`, async () => {
    await assert.rejects(
      loadTask(file('card.yaml', text)),
      (error) => error instanceof UserError && message.test(error.message),
    )
  })
}

test('an unknown task gets the nearest name; a missing file its path', async () => {
  await assert.rejects(loadTask('maths'), /unknown task "maths"; did you mean "math"\? Known: acceptability, code,/)
  await assert.rejects(loadTask('absent.jsonl'), /absent\.jsonl: no such file; a task is a JSONL file/)
  await assert.rejects(loadTask('absent.yaml'), /absent\.yaml: no such file/)
})

test('text of another encoding is refused; a byte-order mark is not', async () => {
  writeFileSync(join(folder, 'latin.jsonl'), Buffer.from(line({ prompt: 'caf\u00e9', target: 'b' }), 'latin1'))
  await assert.rejects(loadTask(join(folder, 'latin.jsonl')), /latin\.jsonl: is not text in UTF-8/)
  const { items } = await loadTask(file('marked.jsonl', `\ufeff${line({ prompt: 'caf\u00e9', target: 'b' })}`))
  assert.equal(items[0]!.prompt, 'caf\u00e9')
})

test('CSV data, few-shot examples of a file, several prompts of one card', async () => {
  file('rows.csv', 'number,question,answer\n1,"What, now?",yes\n2,"And ""then""?",no\n')
  file('shots.jsonl', line({ question: 'First?', answer: 'a' }) + line({ question: 'Second?', answer: 'b' }))
  const path = file(
    'csv.yaml',
    `name: csv
version: 1
description: questions
data: rows.csv
id: number
preamble: "Answer {{question|length}}.\\n"
prompt: "Q: {{ question }}\\nA:"
target: "{{answer}}"
delimiter: " "
metric: exact_match
max_new_tokens: 4
fewshot: { number: 1, file: shots.jsonl, separator: "\\n--\\n" }
`,
  )
  const { items, delimiter } = await loadTask(path)
  assert.deepEqual(items[1], {
    id: '2',
    preamble: 'Answer 11.\n',
    prompt: 'Answer 11.\nQ: First?\nA: a\n--\nQ: And "then"?\nA:',
    target: 'no',
    fields: { question: 'And "then"?' },
  })
  assert.equal(delimiter, ' ')
  assert.ok((await loadTask(`${path}:2`)).items[0]!.prompt.includes('Second?'))
  file('rows.csv', 'number,question,answer,,\n1,What,yes,,\n')
  assert.equal((await loadTask(path)).items.length, 1)
  file('rows.csv', 'number,question,answer,answer\n1,What,yes,no\n')
  await assert.rejects(loadTask(path), /rows\.csv:1: two columns are called "answer"$/)
  file('rows.csv', 'number,question,answer\n1,"What, now?",yes\n')
  await assert.rejects(loadTask(`${path}:3`), /rows\.csv:2: 3 examples are wanted and 2 are there/)
})

const question = (changes: Record<string, string>) => {
  const entries = {
    name: 'x',
    version: '1',
    description: 'd',
    data: 'q.jsonl',
    metric: 'acc',
    kind: 'choices',
    prompt: "'{{q}}'",
    choices: 'c',
    right: 'r',
    ...changes,
  }
  return Object.entries(entries)
    .filter(([, value]) => value)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('')
}
const refusals: [name: string, card: string, data: string, message: RegExp][] = [
  [
    'a template that is not jinja',
    question({ prompt: "'{{q'" }),
    line({}),
    /bad\.yaml:7:1: prompt: the template is not jinja/,
  ],
  [
    'a column that is not there',
    question({ prompt: "'{{qestion}}?'" }),
    line({ question: 'a', c: ['x'], r: 0 }),
    /q\.jsonl:1: unknown column "qestion"; did you mean "question"/,
  ],
  ['choices that are no list', question({}), line({ q: 'a', c: 3, r: 0 }), /q\.jsonl:1: no list in the column "c"/],
  [
    'a right choice outside',
    question({}),
    line({ q: 'a', c: ['x', 'y'], r: 2 }),
    /q\.jsonl:1: the right choice is number 2 from 0, of 2 choices/,
  ],
  [
    'a right choice that is not in the list',
    question({}),
    line({ q: 'a', c: ['x', 'y'], r: 'z' }),
    /q\.jsonl:1: the right choice "z" is not one of x, y/,
  ],
  [
    'a metric of another kind',
    question({ metric: 'exact_match' }),
    line({}),
    /bad\.yaml:5:1: metric: unknown metric "exact_match"; known: /,
  ],
  [
    'choices without a right one',
    question({ right: '' }),
    line({}),
    /bad\.yaml:1:1: right: a card of the kind choices needs it/,
  ],
  [
    'a preparation that is not known',
    question({ prepare: 'hellaswog' }),
    line({}),
    /bad\.yaml:10:1: prepare: unknown preparation "hellaswog"; did you mean "hellaswag"/,
  ],
  [
    'a filter that is no regular expression',
    'name: x\nversion: 1\ndescription: d\ndata: q.jsonl\nmetric: exact_match\nmax_new_tokens: 3\nfilters:\n  one: [{ regex: "(" }]\n',
    line({}),
    /bad\.yaml:8:11: filters\.one\[0\]\.regex: is a pattern that lacks a \)/,
  ],
  [
    'a label that is no number',
    'name: x\nversion: 1\ndescription: d\nkind: classify\ndata: q.jsonl\nmetric: acc\nprompt: "{{q}}"\nlabel: "{{l}}"\n',
    line({ q: 'a', l: 'b' }),
    /q\.jsonl:1: the label must be a number/,
  ],
  [
    'a target without a number',
    question({ kind: 'generate', metric: 'final_number', target: "'{{t}}'", max_new_tokens: '8' }),
    line({ q: 'a', t: 'b' }),
    /q\.jsonl:1: the target itself is not right by the metric final_number/,
  ],
  [
    'a program without tests',
    question({ kind: 'generate', metric: 'program', target: "'{{t}}'", max_new_tokens: '8' }),
    line({ q: 'a', t: 'return x' }),
    /q\.jsonl:1: the target itself is not right by the metric program.*tests/,
  ],
  [
    'data of an unknown format',
    question({ data: 'q.txt' }),
    line({}),
    /unknown data format of .*q\.txt ".txt"; known: /,
  ],
]
for (const [name, text, data, message] of refusals) {
  test(`refused before work: ${name}`, async () => {
    file('q.jsonl', data)
    await assert.rejects(
      loadTask(file('bad.yaml', text)),
      (error) => error instanceof UserError && message.test(error.message),
    )
  })
}

test('an image folder is a task: classes by name, images in order', async () => {
  for (const [name, image] of [
    ['dog', 'b.png'],
    ['dog', 'a.jpg'],
    ['cat', 'c.jpeg'],
    ['cat', 'notes.txt'],
  ]) {
    mkdirSync(join(folder, 'pets', name!), { recursive: true })
    writeFileSync(join(folder, 'pets', name!, image!), '')
  }
  const path = file('pets.yaml', 'name: pets\nversion: 1\ndescription: pets\nkind: images\ndata: pets\nmetric: acc\n')
  const { classes, items } = await loadKind('images', path)
  assert.deepEqual(classes, ['cat', 'dog'])
  assert.deepEqual(
    items.map(({ id, label }) => [id, label]),
    [
      ['cat/c.jpeg', 0],
      ['dog/a.jpg', 1],
      ['dog/b.png', 1],
    ],
  )
})

// The first lines of files of lm-evaluation-harness 0.4.13.
for (const [name, text, reason] of [
  [
    'gsm8k.yaml',
    'tag:\n  - math_word_problems\ntask: gsm8k\ndataset_path: openai/gsm8k\n',
    /the task gsm8k .* --task gsm8k \(lm-evaluation-harness gsm8k 3\.0\)$/,
  ],
  ['default.yaml', 'tag: glue\ntask: cola\ndataset_path: nyu-mll/glue\n', /the task cola .* --task cola_prompted/],
  [
    'anatomy.yaml',
    '"dataset_name": "anatomy"\n"include": "_t"\n"task": "mmlu_anatomy"\n',
    /the task mmlu_anatomy .* --task mmlu /,
  ],
  [
    'algebra.yaml',
    'task: minerva_math_algebra\ndataset_name: algebra\n',
    /--task minerva_math \(lm-evaluation-harness minerva_math 3\.1\)$/,
  ],
  [
    'hellaswag_ar.yaml',
    'include: _t\ntask: hellaswag_ar\ndataset_path: m_hellaswag\ndataset_name: ar\n',
    /dataset_path: this is a task of lm-evaluation-harness; a card of deltalab has/,
  ],
  [
    'cot.yaml',
    'task: gsm8k_cot\ninclude: gsm8k.yaml\nnum_fewshot: 8\n',
    /include: this is a task of lm-evaluation-harness; a card of deltalab has/,
  ],
  [
    '_mmlu_stem.yaml',
    'group: mmlu_stem\ngroup_alias: stem\ntask: [a]\n',
    /group: this is a group of tasks of lm-evaluation-harness/,
  ],
  [
    '_default_template_yaml',
    'dataset_path: cais/mmlu\ntest_split: test\n',
    /dataset_path: this is a task of lm-evaluation-harness/,
  ],
] as const)
  test(`a file of lm-evaluation-harness: ${name}`, async () => {
    await assert.rejects(
      loadTask(file(name, text)),
      (error) => error instanceof UserError && reason.test(error.message) && !error.message.includes('\n'),
    )
  })
