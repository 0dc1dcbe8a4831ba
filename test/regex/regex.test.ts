// Regular expressions of Python, against what `re` of Python 3.11 finds and replaces with the same patterns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchedGroups, searchRegex, wholeRegex } from '../../src/regex/index.js'

/** Pattern, text, re.findall (the groups, or the whole match without any), re.sub by '-'. */
const CASES: [source: string, text: string, found: string[][], replaced: string][] = [
  ['#### (\\-?[0-9\\.\\,]+)', 'a #### 1,234. b', [['1,234.']], 'a - b'],
  [
    '(-?[$0-9.,]{2,})|(-?[0-9]+)',
    'it is $5 or 7, 12',
    [
      ['$5', ''],
      ['7,', ''],
      ['12', ''],
    ],
    'it is - or - -',
  ],
  ['(\\d+)$', 'so 36\n', [['36']], 'so -\n'],
  ['(\\d+)$', 'so 36\n7', [['7']], 'so 36\n-'],
  ['(?m)(\\d+)$', 'so 36\n7 x', [['36']], 'so -\n7 x'],
  ['(?i)answer:?\\s*(\\w+)', 'ANSWER: \u00e9t\u00e9', [['\u00e9t\u00e9']], '-'],
  [
    '\\w+',
    '\u65e5\u672c ok n\u00b2 a_b \u00e9',
    [['\u65e5\u672c'], ['ok'], ['n\u00b2'], ['a_b'], ['\u00e9']],
    '- - - - -',
  ],
  ['\\b\\w', 'd\u00e9j\u00e0 vu', [['d'], ['v']], '-\u00e9j\u00e0 -u'],
  ['[^\\W_]+', 'a_b\u00b2c', [['a'], ['b\u00b2c']], '-_-'],
  ['[\\W\\d]+', 'ab 12, \u00e9', [[' 12, ']], 'ab-\u00e9'],
  ['\\d+', '\u0663\u0664 and 12', [['\u0663\u0664'], ['12']], '- and -'],
  ['\\s', 'a\u2003b\u001fc\ufeffd', [['\u2003'], ['\u001f']], 'a-b-c\ufeffd'],
  ['.+', 'a\rb\u2028c\nd', [['a\rb\u2028c'], ['d']], '-\n-'],
  ['(?s).+', 'a\nb', [['a\nb']], '-'],
  ['\\A\\s*(\\d+)', ' 12 13', [['12']], '- 13'],
  [
    '(?P<x>\\d)(?P<y>\\d)?',
    '1 23',
    [
      ['1', ''],
      ['2', '3'],
    ],
    '- -',
  ],
  ['\\d{,2}x', '123x x', [['23x'], ['x']], '1- -'],
  ['[]a]+', 'a]b', [['a]']], '-b'],
  ['[^]]+', 'a]b', [['a'], ['b']], '-]-'],
  ['(.)', '\ud83d\ude42a', [['\ud83d\ude42'], ['a']], '--'],
  ['(?<=\\$)\\d+', '$5 6', [['5']], '$- 6'],
  ['a++b|(?>a|ab)c', 'aab ac abc', [['aab'], ['ac'], ['ab']], '- - -c'],
  ['[a&&b]+', 'a&b', [['a&b']], '-'],
  [
    '(a)|(b)(c)?',
    'a bc b',
    [
      ['a', '', ''],
      ['', 'b', 'c'],
      ['', 'b', ''],
    ],
    '- - -',
  ],
  ['', 'ab', [[''], [''], ['']], '-a-b-'],
  ['a*', 'baa', [[''], ['aa'], ['']], '-b--'],
  ['\\S+\\Z', 'x yz', [['yz']], 'x -'],
  ['(?im)^b$', 'a\nB\nc', [['B']], 'a\n-\nc'],
  ['(?i)(?s)A.b', 'a\nB', [['a\nB']], '-'],
  ['a(?#one)+(?#two)b', 'aab ab', [['aab'], ['ab']], '- -'],
  ['(?=(?>a+)b)a', 'ab aab ac', [['a'], ['a'], ['a']], '-b --b ac'],
  ['[!-/:-@]+', 'a!? b', [['!?']], 'a- b'],
  ['(?:(?:(a)|b)c)?((d|e)f)+', 'acdfef', [['a', 'ef', 'e']], '-'],
  ['\\B.', 'ab c', [['b']], 'a- c'],
]
test('matches, groups and replacements are those of Python', () => {
  for (const [source, text, found, replaced] of CASES) {
    const matches = [...text.matchAll(searchRegex(source))].map((match) => {
      const groups = matchedGroups(match)
      return groups.length ? groups.map((group) => group ?? '') : [match[0]]
    })
    assert.deepEqual(matches, found, source)
    assert.equal(text.replace(searchRegex(source), '-'), replaced, source)
  }
})

test('a whole text: flags may stand in front', () => {
  assert.ok(wholeRegex('(?i)MODEL\\..*Q_PROJ').test('model.layers.0.self_attn.q_proj'))
  assert.ok(!wholeRegex('q_proj').test('model.q_proj'))
  assert.ok(wholeRegex('model.*(q|k)_proj').test('model.k_proj'))
})

test('what is not the same in JavaScript is refused by name', () => {
  for (const [source, why] of [
    ['(?x) a', /the flag x/],
    ['(?a)\\w', /the flag a/],
    ['(a)\\1', /a reference to a group/],
    ['a(?i)b', /at the very front only/],
    ['[z-a]', /is no regular expression/],
    ['\\U00110000', /has \\U00110000, which is no letter/],
    // On "36and " Python's group is 36, JavaScript's is nothing.
    ['(?:(\\d+)|and )+', /repeats by \+ a part with a group that may be left out/],
    ['(?:(a)?b){2,}', /repeats by \{2,\}/],
    ['(?:(?:(a)|b)c)*', /repeats by \*/],
  ] as const)
    assert.throws(() => searchRegex(source), why)
  assert.ok(wholeRegex('(?:(\\d+)|and )+').test('36and '))
})
