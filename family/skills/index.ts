// The skills of the miniature family, by name.
import { code } from './code.js'
import { instruct } from './instruct.js'
import { math } from './math.js'

export const SKILLS = { math, code, instruct } as const
