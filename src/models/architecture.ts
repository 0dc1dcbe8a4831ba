// What a known architecture is: the words of config.json that name it, and what makes its model.
import type { Config } from './config.js'
import type { Model } from './model.js'

export interface Architecture {
  /** The `model_type` of config.json. */
  name: string
  /** Classes of transformers (`architectures` of config.json) that are understood; the first is meant when none is named. */
  classes: string[]
  /** The one of them that has no head. */
  bare?: string
  /** The config must name its class, for there is no usual one. */
  named?: boolean
  cite: string
  /** @param holds whether the file has a tensor; without it the config alone decides */
  make(config: Config, holds?: (name: string) => boolean): Model
}
