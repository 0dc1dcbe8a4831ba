// The layouts of popular checkpoints.

import { decoders } from './decoders.js'
import { encoders } from './encoders.js'
import { gemmas } from './gemma.js'
import { ossAndPhi } from './gpt-oss-phi3.js'
import { images } from './images.js'
import type { Layout } from './layout.js'
import { llamas } from './llama.js'
import { otherEncoders } from './other-encoders.js'
import { t5AndOpt } from './t5-opt.js'

export { type Layout, writePublished } from './layout.js'

export const layouts: readonly Layout[] = [
  ...decoders,
  ...llamas,
  ...encoders,
  ...images,
  ...gemmas,
  ...otherEncoders,
  ...t5AndOpt,
  ...ossAndPhi,
]
