// Patterns of adapter_config.json: regular expressions of Python, which peft matches with the end of a module's name.
// What is right was seen with Python 3.11: re.match(rf"(.*\\.)?({pattern})$", name).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { pattern, patternValue } from '../../src/adapters/patterns.js'

const NAMES = [
  'q_proj',
  'model.layers.0.self_attn.q_proj',
  'model.layers.12.self_attn.q_proj',
  'model.layers.1.mlp.k_proj',
]
const patterns = pattern(z.number())
const fits = (source: string): string =>
  NAMES.map((name) => (patternValue({ [source]: 1 }, name) === 1 ? '1' : '0')).join('')

test('a pattern fits whole names, or their ends behind a dot', () => {
  for (const [source, right] of [
    ['q_proj', '1110'],
    ['layers.0.*q_proj', '0100'],
    ['layers\\.(1[0-9]|2[0-7])\\..*', '0010'],
    ['(?P<side>q|v)_proj', '1110'],
    ['.*\\.q_proj\\Z', '0110'],
    ['\\Amodel.*', '0111'],
    ['^q_proj', '1000'],
    ['q_proj++', '1110'],
    ['q_pro++.*', '1110'],
    ['(?>q|q_pro)_proj', '1110'],
    ['(?>q_|q_p)proj', '1110'],
    ['[a-z]*+_proj', '1111'],
    ['[a-z_]*+_proj', '0000'],
    ['[]q]_proj', '1110'],
    ['[^]q]_proj', '0001'],
    ['[^]]_proj', '1111'],
    ['q{,2}_proj', '1110'],
    ['q{_proj', '0000'],
    ['q{1,x}_proj', '0000'],
    ['\\x71_proj', '1110'],
    ['[\\161v]_proj', '1110'],
    ['(?<!self_attn\\.)q_proj', '1000'],
    ['(?#note)q_proj', '1110'],
    ['[q-]_proj', '1110'],
    ['(?:.*\\.)?layers\\.(?!0\\.)\\d+\\..*q_proj', '0010'],
    ['q??_proj|lm_head', '1110'],
    ['', '0000'],
    ['q\\_proj', '1110'],
    ['[[q]_proj', '1110'],
  ] as const)
    assert.equal(fits(source), right, source)
})

test('what Python refuses, or JavaScript cannot say, is an error that names the pattern and the reason', () => {
  for (const [source, why] of [
    ['(?i)q_proj', /has the flags \(\?i\), which Python takes at the very front only/],
    ['(?i:q)_proj', /has \(\?i:…, which is not read here/],
    ['(?(1)a|b)', /has \(\?\(…/],
    ['(?P=side)q', /has \(\?P=…/],
    ['(q)\\1', /has \\1, a reference to a group/],
    ['\\q', /has \\q, which is no escape/],
    ['(q', /lacks a \)/],
    ['q)', /has a \) too many/],
    ['[q', /lacks a \]/],
    ['*q', /has nothing to repeat before \*/],
    ['q**', /has two repeats in a row/],
    ['q{2}{3}', /has two repeats in a row/],
    ['[a-\\w]', /has a range with no end/],
    ['[z-a]', /is no regular expression/],
    ['('.repeat(1e5), /is no regular expression|lacks a \)/],
    ['q\\', /lacks a \)/],
  ] as const) {
    const { success, error } = patterns.safeParse({ [source]: 1 })
    assert.ok(!success, source)
    assert.match(error.issues[0]!.message, why)
    assert.ok(error.issues[0]!.message.includes(JSON.stringify(source)))
  }
})
