// The state from which an interrupted training run resumes: step, weights and moments in one file, replaced atomically.
import { mkdir, readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { attempt, hold, holdText, takeLock, writeWhole } from '../files/index.js'
import type { AdamW } from './adamw.js'

export interface State {
  step: number
  weights: Float32Array
  optimiser: AdamW
  /** One line per step, as in loss.csv. */
  log: string[]
}

interface Head {
  recipe: string
  step: number
  length: number
  log: string[]
}

/** Header length (u32), header JSON, weights, first and second moments. @throws UserError where it cannot be written */
export async function saveState(file: string, recipe: string, { step, weights, optimiser, log }: State) {
  const head = Buffer.from(JSON.stringify({ recipe, step, length: weights.length, log } satisfies Head))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(head.length)
  await mkdir(dirname(file), { recursive: true })
  const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  await writeWhole(file, [size, head, bytes(weights), bytes(optimiser.first), bytes(optimiser.second)])
}

const HEAD = z.object({ recipe: z.string(), step: z.int().min(0), length: z.int().min(0), log: z.array(z.string()) })

function headOf(text: string): Head | undefined {
  try {
    return HEAD.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** The saved state, or null when there is none. @throws UserError when it belongs to another recipe, or is broken. */
export async function loadState(file: string, recipe: string): Promise<State | null> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!bytes) return null
  const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0)
  const head = headOf(bytes.subarray(4, 4 + size).toString())
  if (!head || bytes.length !== 4 + size + 3 * 4 * head.length)
    throw new UserError(`${file}: is not the state of an interrupted run, or is incomplete; delete it to start again`)
  if (head.recipe !== recipe)
    throw new UserError(
      `${file}: belongs to an interrupted run of another recipe, or of other weights, data or tokenizer; delete it to start again`,
    )
  const part = (index: number) => {
    const begin = 4 + size + index * head.length * 4
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + begin + head.length * 4))
  }
  return {
    step: head.step,
    weights: part(0),
    optimiser: { first: part(1), second: part(2), step: head.step },
    log: head.log,
  }
}

export async function removeState(file: string) {
  for (const each of [file, `${file}.part`]) await rm(each, { force: true })
}

export interface HeldState {
  /** Notes what is kept should the program be stopped now. */
  say(text: string): void
  release(): Promise<void>
}

/** Locks the state until released, then removes its folder if it is empty; `say` notes what is kept. @throws UserError while another process holds the lock */
export async function holdState(name: string, file: string): Promise<HeldState> {
  const letGo = hold({ kind: 'folder', path: dirname(file) })
  const lock = async () => {
    await mkdir(dirname(file), { recursive: true })
    return takeLock(
      join(dirname(file), 'lock'),
      ({ pid, host }) =>
        new UserError(
          `${name} is being trained by process ${pid} of ${host}: wait for it, or delete ${join(dirname(file), 'lock')} if it is gone`,
        ),
    )
  }
  const unlock = await attempt(dirname(file), lock).catch((error: unknown) => {
    letGo()
    throw error
  })
  const kept = holdText()
  return {
    say: kept.set,
    async release() {
      kept.end()
      unlock()
      await rmdir(dirname(file)).catch(() => undefined)
      letGo()
    },
  }
}
