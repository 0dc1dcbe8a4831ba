// Tensors whose editors have no program on kernels: edited by the definitions of these, in worker threads or in this one.
import { inputWidth, matricesOf, matrixLayout, type Pair, type WeightFiles } from '../checkpoint/index.js'
import { needsModel, scanModel, stepsBytes } from '../editors/index.js'
import { cutTensor, runParts, type TensorRows } from '../stream/index.js'
import { countEntries, weightsBackend } from '../tensor/index.js'
import type { EditCheckpointOptions } from './options.js'
import { editedIn, type PlannedEdit } from './plan.js'
import { type EditFound, editsRows, readInput } from './tensor.js'
import { type EditTask, type EditThread, editOrigin, editorOf } from './thread.js'

interface Edit {
  pair: Pair
  plan: readonly PlannedEdit[]
  options: EditCheckpointOptions
}

/** The parts that tensors are edited in, and bytes that each takes at its largest moment, from headers. */
export function editParts(
  { pair: { post }, plan, options: { steps, grams } }: Edit,
  numbers: readonly number[],
): { part: TensorRows; name: string; bytes: number }[] {
  const scans = steps.some(needsModel)
  return numbers.flatMap((i) => {
    const { name, source, shape } = plan[i]!
    const layout = matrixLayout(source, shape, post.config)
    return cutTensor(i, shape, editsRows(steps, layout)).map((part) => {
      const own = part.rows ? [part.rows.to - part.rows.from, ...shape.slice(1)] : shape
      const size = 4 * countEntries(own)
      // The input, the edited values, the weights before and after, and what is written.
      const bytes = size + Math.max(stepsBytes(steps, own, layout), (scans ? 5 : 4) * size)
      return { part, name, bytes: bytes + (grams ? 8 * inputWidth(source, shape, post.config) ** 2 : 0) }
    })
  })
}

interface Others {
  files: WeightFiles
  /** Their numbers. */
  left: readonly number[]
  finish(tensor: number, found: EditFound): Promise<void>
}

/** @throws the first error, when nothing is written any more */
export async function editOthers(edit: Edit, { files, left, finish }: Others): Promise<void> {
  const { pair, plan, options } = edit
  const { registry, jobs, memory } = options
  const scanned = await scanDeltas(edit)
  const backend = weightsBackend()
  const origin = registry ? editOrigin(pair, options, registry) : null
  const tasks = editParts(edit, left).map(({ part, ...task }) => ({
    ...task,
    message: { ...part, target: files.target(task.name) },
  }))
  await runParts<EditTask, EditFound>(tasks, {
    jobs,
    memory,
    script: new URL('./worker.js', import.meta.url),
    data: origin && ({ origin, backend, scanned } satisfies EditThread),
    entries: left.reduce((sum, i) => sum + countEntries(plan[i]!.shape), 0),
    here: editorOf(pair, options, scanned),
    async done(i, answers) {
      const { name, shape } = plan[i]!
      files.wrote(name, countEntries(shape))
      await finish(i, sumFound(answers))
    },
  })
}

/** Of a tensor, from its parts in their order. */
function sumFound(answers: readonly EditFound[]): EditFound {
  const [first, ...others] = answers as [EditFound, ...EditFound[]]
  return others.reduce(
    (sum, part) => ({
      warnings: [...sum.warnings, ...part.warnings],
      kept: sum.kept + part.kept,
      inputSquares: sum.inputSquares + part.inputSquares,
      changeSquares: sum.changeSquares + part.changeSquares,
    }),
    first,
  )
}

/** What the editors must know of all tensors. */
const scanDeltas = ({ pair, plan, options: { steps, on } }: Edit): Promise<readonly unknown[]> =>
  scanModel(steps, async function* () {
    for (const i of editedIn(plan)) {
      const { name } = plan[i]!
      yield [name, await readInput(pair, name, on), matricesOf(pair.post.tensors.get(name)!)] as const
    }
  })
