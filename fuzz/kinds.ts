// Every kind of file that people give.
import { DELTAS } from './deltas.js'
import { FILES } from './files.js'
import { FOLDERS } from './folders.js'
import type { Kind } from './kind.js'
import { WEIGHTS } from './weights.js'

export const KINDS: readonly Kind[] = [...FOLDERS, ...WEIGHTS, ...DELTAS, ...FILES]
