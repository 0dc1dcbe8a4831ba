// Where the tensors that an adapter names, as the model in memory has them, are in the file of its base.
import { UserError } from '../errors/index.js'
import { canonicalName } from '../naming/index.js'
import { ADAPTER_CONFIG, type AdapterConfig } from './adapter-config.js'
import type { Checkpoint } from './checkpoint.js'
import { saysTied } from './tie-defaults.js'
import { isOutput, tieSource } from './tie-names.js'

/** The name in the file of a tensor of the model in memory; null where the file has none. Tied outputs are not looked for. */
export function finderOf(base: Checkpoint): (name: string) => string | null {
  const stored = new Map([...base.tensors.keys()].map((name) => [canonicalName(name, base.config), name] as const))
  return (name) => (base.tensors.has(name) ? name : (stored.get(canonicalName(name, base.config)) ?? null))
}

/** Where a tensor is; of tied ones, that which stands in the file. @throws UserError for one that the base does not have, with the reason */
export function placesIn(file: string, config: AdapterConfig, base: Checkpoint): (name: string) => string {
  const find = finderOf(base)
  return (name) => {
    const found = find(name)
    if (found !== null) return base.tied.get(found) ?? found
    const source = isOutput(name) && base.config && saysTied(base.config) ? tieSource(name, base.tensors.keys()) : null
    if (source !== null) return source
    const head = /(^|\.)(classifier|score|qa_outputs)\./.test(name)
    const [, experts] = /(^.*\.experts\.)\d+\./.exec(canonicalName(name, base.config)) ?? []
    const fused = [...base.tensors.keys()].find((each) => {
      const own = canonicalName(each, base.config)
      return experts !== undefined && own.startsWith(experts) && !/^\d/.test(own.slice(experts.length))
    })
    if (fused !== undefined)
      throw new UserError(
        `${file}: ${name} is of one expert, and ${base.folder} has all experts of a layer in one tensor (${fused}): give the base as it is published, with its experts one by one, or merge the adapter with peft`,
      )
    throw new UserError(
      head
        ? `${file}: ${name} is of a head${config.task_type ? ` (task_type ${config.task_type})` : ''} that ${base.folder} does not have and the adapter does not hold whole: give the base as it was saved with that head`
        : `${file}: ${name} is not in ${base.folder}: the adapter is of another base${config.base_model_name_or_path ? ` (${ADAPTER_CONFIG} names ${config.base_model_name_or_path})` : ''}, or of modules that its files do not have under this name`,
    )
  }
}
