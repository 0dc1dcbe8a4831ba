// Every checkable instruction on an answer that follows it and one that does not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INSTRUCTIONS } from '../../src/tasks/ifeval/instructions.js'
import { countSentences, splitWords } from '../../src/tasks/ifeval/words.js'
import { ANSWER_METRICS, defineTask, loadTask } from '../../src/tasks/index.js'

const english = 'The weather is nice today and we are going for a walk in the park'
const cases: [id: string, given: object, follows: string[], fails: string[]][] = [
  ['keywords:existence', { keywords: ['duck', 'rope'] }, ['A Duck on a ROPE'], ['a duck']],
  ['keywords:frequency', { keyword: 'ha', frequency: 2, relation: 'at least' }, ['HaHa'], ['ha']],
  ['keywords:frequency', { keyword: 'ha', frequency: 2, relation: 'less than' }, ['ha'], ['haha']],
  ['keywords:forbidden_words', { forbidden_words: ['cat'] }, ['concatenate'], ['a Cat.']],
  ['keywords:letter_frequency', { letter: 'A', let_frequency: 2, let_relation: 'at least' }, ['aA'], ['a b']],
  [
    'language:response_language',
    { language: 'de' },
    ['Das Wetter ist heute schön und wir gehen im Park spazieren'],
    [english],
  ],
  [
    'length_constraints:number_sentences',
    { num_sentences: 2, relation: 'at least' },
    ['One. Two!'],
    ['Just Mr. Smith here.'],
  ],
  [
    'length_constraints:number_paragraphs',
    { num_paragraphs: 2 },
    ['a\n***\nb', '***\na\n***\nb'],
    ['a\n\nb', 'a\n***\n***\nb'],
  ],
  ['length_constraints:number_words', { num_words: 3, relation: 'less than' }, ['two words'], ["it's three"]],
  [
    'length_constraints:nth_paragraph_first_word',
    { num_paragraphs: 2, nth_paragraph: 2, first_word: 'hello' },
    ['a\n\n"Hello, you'],
    ['hello\n\nb', 'hello', 'a\n\nhello\n\nc'],
  ],
  ['detectable_content:number_placeholders', { num_placeholders: 2 }, ['[name] at [place]'], ['[name]']],
  ['detectable_content:postscript', { postscript_marker: 'P.S.' }, ['Yours\nP.S. more'], ['Yours']],
  ['detectable_content:postscript', { postscript_marker: 'P.P.S' }, ['a p.p.s more'], ['P.S. more']],
  ['detectable_format:number_bullet_lists', { num_bullets: 2 }, ['* a\n- b'], ['* a', '* a\n- b\n- c']],
  ['detectable_format:constrained_response', {}, ['Well: My answer is maybe.'], ['maybe']],
  ['detectable_format:number_highlighted_sections', { num_highlights: 2 }, ['*a* and *b*'], ['*a* and * *']],
  [
    'detectable_format:multiple_sections',
    { section_spliter: 'Section', num_sections: 2 },
    ['Section 1 a Section 2 b'],
    ['Section 1 a'],
  ],
  ['detectable_format:json_format', {}, ['```json\n{"a": 1}\n```', '[1]'], ['{a: 1}']],
  ['detectable_format:title', {}, ['<<poem>>\ntext'], ['<< >>', '<poem>']],
  ['combination:two_responses', {}, ['a ****** b', '******a******b'], ['a ****** a', 'a', 'a ****** ****** b']],
  ['combination:repeat_prompt', { prompt_to_repeat: 'Say it.' }, ['say it. It'], ['It. Say it.']],
  ['startend:end_checker', { end_phrase: 'The end.' }, ['So. "the END."'], ['The end. Or']],
  ['startend:quotation', {}, ['"a\nb"'], ['"a" b', '"']],
  [
    'change_case:capital_word_frequency',
    { capital_frequency: 2, capital_relation: 'at least' },
    ['A WELL-KNOWN fact'],
    ['A fact'],
  ],
  ['change_case:english_capital', {}, [english.toUpperCase()], [english]],
  ['change_case:english_lowercase', {}, [english.toLowerCase()], [english]],
  ['punctuation:no_comma', {}, ['a; b'], ['a, b']],
]
for (const [id, given, follows, fails] of cases) {
  test(`${id} ${JSON.stringify(given)}`, () => {
    for (const answer of follows)
      assert.equal(INSTRUCTIONS[id]!(answer, given as Record<string, unknown>), true, JSON.stringify(answer))
    for (const answer of fails)
      assert.equal(INSTRUCTIONS[id]!(answer, given as Record<string, unknown>), false, JSON.stringify(answer))
  })
}

test('every instruction has a case', () => {
  assert.deepEqual([...new Set(cases.map(([id]) => id))].sort(), Object.keys(INSTRUCTIONS).sort())
})

test('sentences end where prose ends them; words keep their hyphens', () => {
  for (const [text, count] of [
    ['One. Two? Three!', 3],
    ['Dr. Who met J. Smith at 3.5 km. Yes.', 2],
    ['He said "Stop." Then left', 2],
    ['', 0],
    ['no end', 1],
    ['Well... maybe.', 1],
  ] as const) {
    assert.equal(countSentences(text), count, text)
  }
  assert.deepEqual(splitWords("DON'T use well-known words, OK?"), [
    'DO',
    "N'T",
    'use',
    'well-known',
    'words',
    ',',
    'OK',
    '?',
  ])
})

test('strict and loose, per prompt and per instruction', () => {
  const fields = {
    instruction_id_list: ['punctuation:no_comma', 'startend:end_checker'],
    kwargs: [{}, { end_phrase: 'bye' }],
  }
  const item = { id: '1', prompt: '', target: '', fields }
  const score = (name: string, answer: string) => ANSWER_METRICS[name]!.score(answer, item)
  const answer = 'Sure, here:\nhello *bye*'
  assert.deepEqual(
    ['prompt_level_strict_acc', 'inst_level_strict_acc', 'prompt_level_loose_acc', 'inst_level_loose_acc'].map((name) =>
      score(name, answer),
    ),
    [0, 0, 1, 1],
  )
  assert.equal(score('inst_level_strict_acc', 'hello, bye'), 0.5)
  assert.equal(ANSWER_METRICS.inst_level_strict_acc!.weight!(item), 2)
  assert.equal(score('prompt_level_loose_acc', ' '), 0, 'an empty answer follows nothing')
  assert.throws(
    () =>
      ANSWER_METRICS.prompt_level_strict_acc!.score('a', {
        ...item,
        fields: { ...fields, instruction_id_list: ['punctuation:no_coma'] },
      }),
    /unknown instruction "punctuation:no_coma"; did you mean "punctuation:no_comma"/,
  )
})

test('a keyword is a regular expression, as in the reference; one that is none is refused there too', () => {
  const follows = (keywords: string[]) => INSTRUCTIONS['keywords:existence']!('Colour, or color.', { keywords })
  assert.ok(follows(['colou?r', '^C']))
  assert.ok(!follows(['colou?r$']))
  assert.throws(() => follows([':)']), /UserError: ":\)" is a pattern that has a \) too many/)
})

test('an item that cannot be scored is refused when the task is loaded, with its place', async () => {
  const ask = (instruction: string, kwargs: object) => ({ instruction_id_list: [instruction], kwargs: [kwargs] })
  const good = ask('punctuation:no_comma', {})
  const cases: [metric: string, item: object, message: RegExp][] = [
    ['inst_level_loose_acc', {}, /row 2: the columns instruction_id_list and kwargs are wanted/],
    ['inst_level_loose_acc', ask('punctuation:no_coma', {}), /row 2: unknown instruction "punctuation:no_coma"/],
    ['inst_level_loose_acc', ask('keywords:existence', { keywords: ['a', ':)'] }), /row 2: ":\)" is a pattern that/],
    [
      'inst_level_loose_acc',
      ask('keywords:forbidden_words', { forbidden_words: ['a', '('] }),
      /row 2: "\(" is a pattern that/,
    ],
    [
      'inst_level_loose_acc',
      ask('detectable_content:postscript', { postscript_marker: '*' }),
      /row 2: "\*" is a pattern that/,
    ],
    [
      'inst_level_loose_acc',
      ask('detectable_format:multiple_sections', { section_spliter: '(', num_sections: 1 }),
      /row 2: "\(" is a pattern that/,
    ],
    ['humaneval_pass1', { test: 'x' }, /row 2: no text in the column "entry_point"/],
    ['mbpp_pass1', {}, /row 2: no list in the column "test_list"/],
  ]
  const first = { ...good, test: '', entry_point: '', test_list: [] }
  for (const [metric, item, message] of cases) {
    const task = defineTask({
      ...{
        name: 'own',
        data: [
          { ask: 'Do it.', ...first },
          { ask: 'Do it.', ...item },
        ],
        prompt: '{{ask}}',
        target: '',
      },
      ...{ metric, max_new_tokens: 4 },
    })
    await assert.rejects(loadTask(task), message)
  }
})
