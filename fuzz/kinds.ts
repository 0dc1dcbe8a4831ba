// Every kind of file that people give.
import { FILES } from './files.js'
import { FOLDERS } from './folders.js'
import type { Kind } from './kind.js'
import { WEIGHTS } from './weights.js'

export const KINDS: readonly Kind[] = [...FOLDERS, ...WEIGHTS, ...FILES]
