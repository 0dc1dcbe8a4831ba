// A chain of steps as one program on kernels, where every step has one.
import type { EntriesProgram } from '../kernels/index.js'
import { countEntries } from '../tensor/index.js'
import { type ApplyContext, keyAt } from './apply.js'
import { isByRow, isPerMatrix, needsGradient, needsModel, type Step } from './editor.js'

/**
 * The program of a chain; it returns what the editors warn of, with the name of the tensor. Null where a step has none for its options,
 * or needs more than the tensor.
 */
export function programOf(
  steps: readonly Step[],
  shape: readonly number[],
  context: Pick<ApplyContext, 'seed' | 'tensor' | 'batch' | 'turned'>,
): EntriesProgram<string[]> | null {
  const about = { shape, size: countEntries(shape), columns: shape.at(-1) ?? 1 }
  const programs = steps.map((step, i) => {
    const { editor, options } = step
    if ((context.batch && isPerMatrix(editor)) || (context.turned && isByRow(step))) return null
    if (needsModel(step) || needsGradient(step)) return null
    return editor.program?.(options, { ...about, key: keyAt(steps, i, context) }) ?? null
  })
  return programs.includes(null)
    ? null
    : inOrder(programs as EntriesProgram<readonly string[]>[], steps, context.tensor)
}

function* inOrder(
  programs: readonly EntriesProgram<readonly string[]>[],
  steps: readonly Step[],
  tensor: string,
): EntriesProgram<string[]> {
  const warnings: string[] = []
  for (const [i, program] of programs.entries())
    for (const text of yield* program) warnings.push(`${tensor}: ${steps[i]!.editor.name} ${text}`)
  return warnings
}
