// docs/architectures.md: the architectures, and the worst error of each fixture in every quantity, held and streamed.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'
import { architectures } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { NAMES, openFixture } from '../models/fixture.js'
import {
  type Errors,
  probeForward,
  probeGradient,
  probeRiemann,
  probeTaylor,
  probeText,
  type Quantity,
  TOLERANCES,
} from '../models/probe.js'
import { streamedWay } from '../models/streamed.js'

const QUANTITIES = Object.keys(TOLERANCES) as Quantity[]
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly string[][]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

export function mergeErrors(...all: readonly Errors[]): Errors {
  const worst: Errors = {}
  for (const errors of all) {
    for (const [quantity, error] of Object.entries(errors) as [Quantity, number][])
      worst[quantity] = Math.max(worst[quantity] ?? 0, error)
  }
  return worst
}

const share = (errors: Errors) =>
  Math.max(...Object.entries(errors).map(([quantity, error]) => error / TOLERANCES[quantity as Quantity]))

/** Runs every fixture; the text from the first heading of the tables on. */
export async function describeArchitectures(): Promise<string> {
  const listed = architectures.map(({ name, classes, cite }) => [name, name, classes.join(', '), cite])
  const rows: string[][] = []
  for (const name of NAMES) {
    const fixture = await openFixture(name)
    const way = streamedWay(fixture)
    const edits: Errors[] = []
    for (const [edit, { riemann }] of Object.entries(fixture.expected.edits)) {
      edits.push(await probeRiemann(fixture, edit, Object.keys(riemann)), await probeTaylor(fixture, edit))
    }
    const text = fixture.expected.generation ? [await probeText(fixture)] : []
    const held = mergeErrors(await probeForward(fixture), await probeGradient(fixture), ...edits, ...text)
    const streamed = mergeErrors(
      await probeGradient(fixture, way),
      await probeRiemann(fixture, 'scale-0.5', ['midpoint-5'], way),
      ...(fixture.expected.generation ? [await probeText(fixture, way)] : []),
    )
    rows.push([
      name,
      fixture.expected.class,
      ...QUANTITIES.map((each) => held[each]?.toExponential(1) ?? ''),
      percent(share(held)),
      percent(share(streamed)),
    ])
    tf.dispose([fixture.base, fixture.post])
  }
  const tolerances = ['', 'tolerance', ...QUANTITIES.map((each) => TOLERANCES[each].toExponential(0)), '100 %', '100 %']
  return [
    '## Architectures',
    '',
    table(['name', 'model_type', 'classes', 'paper'], listed),
    '',
    '## Worst errors',
    '',
    table(['fixture', 'class', ...QUANTITIES, 'of the tolerance', 'streamed'], [...rows, tolerances]),
    '',
  ].join('\n')
}

const percent = (x: number) => `${Math.max(1, Math.round(100 * x))} %`

export const page = () => readFileSync(join(packageRoot, 'docs/architectures.md'), 'utf8')

/** Fails unless the page has these errors, within a factor of 3: the last bits differ between versions of Node. */
export function assertDocumented(name: string, errors: Errors): void {
  const cells =
    page()
      .split('\n')
      .find((line) => line.startsWith(`| ${name} | `) && /\de-\d/.test(line))
      ?.split(' | ') ?? assert.fail(`docs/architectures.md has no row ${name}`)
  for (const [quantity, error] of Object.entries(errors) as [Quantity, number][]) {
    const written = Number(cells[2 + QUANTITIES.indexOf(quantity)])
    // Scalars that happen to agree to the last bits have no steady error.
    const slack = 0.02 * TOLERANCES[quantity]
    assert.ok(
      error < 3 * written + slack && error > written / 3 - slack,
      `${name} ${quantity}: ${error}, docs/architectures.md says ${written}; run scripts/docs.mjs`,
    )
  }
}
