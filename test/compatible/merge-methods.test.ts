// Every method of mergekit with `arithmetic: stored`, against its own results bit for bit (test/fixtures/stored).
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { methods } from '../../src/merge/mergekit.js'
import type { Numbers } from '../../src/mergekit/index.js'
import { bytesOf, type Case, decoded, encoded, merged, results } from '../mergekit/cases.js'
import { compatible } from './row.js'

/** How many entries are not the expected ones, and the largest difference. */
function compare(values: Numbers, wanted: Numbers): { others: number; most: number } {
  let [others, most] = [0, 0]
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(values[i], wanted[i])) continue
    others++
    most = Math.max(most, Math.abs(values[i]! - wanted[i]!))
  }
  return { others, most }
}

/** Share of the entries that may differ in half precision, where magnitudes are often equal. */
const SORTED: Readonly<Record<string, number>> = {
  ties: 0.04,
  breadcrumbs: 0.04,
  breadcrumbs_ties: 0.04,
  // Another rank, another probability; and then another norm of the whole.
  della: 1,
  della_linear: 1,
}
/** Values are up to 0.2: half a last place of 1 is a few of theirs. */
const LAST: Readonly<Record<string, number>> = { F32: 2 ** -24, F64: 2 ** -53 }
const byLibrary = ({ method, inputs, options }: Case): boolean =>
  /F32|F64/.test(inputs) && (method === 'karcher' || options.nuslerp_flatten === false)

function check(each: Case): void {
  const { values, format } = merged(each)
  const what = `${each.method} ${JSON.stringify(each.options)} of ${each.count} in ${each.inputs}`
  assert.equal(format, each.format, what)
  if (each.sha256 !== undefined) {
    const found = createHash('sha256').update(encoded(format, values)).digest('hex')
    return assert.equal(found, each.sha256, what)
  }
  const { others, most } = compare(values, decoded(format, bytesOf(each.out!)))
  if (byLibrary(each)) assert.ok(most <= LAST[format]!, `${what}: ${most}`)
  else assert.ok(others <= (SORTED[each.method] ?? 0) * values.length, `${what}: ${others} of ${values.length} entries`)
}

const noteOf = (name: string): string | undefined => {
  if (name in SORTED)
    return 'of equal magnitudes at the edge, which half precision often has, its unstable sort decides there, here the lowest index'
  if (name === 'karcher') return 'float32 and float64: last bits, by the order of its BLAS in a product of vectors'
  if (name === 'nuslerp')
    return 'float32 and float64: last bits along an axis, and now and then of whole tensors, by its sines'
  if (name === 'slerp' || name === 'multislerp') return 'float32 and float64: now and then a last bit, by its sines'
  if (name === 'arcee_fusion')
    return 'float32 and float64: now and then an entry at the threshold, by the last bits of its softmax'
  if (name === 'sce') return 'equal variances at the edge go to the lowest index'
  return undefined
}

for (const { name } of methods)
  compatible(
    {
      what: `\`merge_method: ${name}\` with \`arithmetic: stored\`, in bfloat16, float16, float32, float64`,
      outcome: 'read',
      like: 'mergekit 0.1.5, torch 2.13.0 on one thread: its bits',
      note: noteOf(name),
    },
    () => {
      const own = results.filter(({ method }) => method === name)
      assert.ok(own.length >= 8)
      own.forEach(check)
    },
  )
