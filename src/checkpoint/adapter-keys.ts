// The names in an adapter's file as peft saves them: without what trainers leave in them, and without the name of the adapter.
import { UserError } from '../errors/index.js'
import { plainName } from '../naming/index.js'

/** Parts of LoRA. In memory they have the adapter's name behind them, or within; peft leaves it out of its files. */
const PARTS = [
  'lora_[AB]',
  'lora_embedding_[AB]',
  'lora_magnitude_vector',
  'trainable_tokens_delta',
  'ln_tuning_layers',
]

/**
 * Name in the form of peft's files → name in this file.
 * @param parts what tensors of modules, or of all together, are called in other kinds than LoRA: regular expressions
 * @throws UserError for a file with several adapters
 */
export function plainKeys(
  file: string,
  tensors: ReadonlyMap<string, unknown>,
  parts: readonly string[],
): Map<string, string> {
  const known = [...PARTS, ...parts.map((part) => part.replace(/\\?\.weight$/, ''))].join('|')
  const complete = new RegExp(
    `\\.(?:${[...PARTS.map((part) => `${part}(?:\\.(?:weight|bias))?`), ...parts].join('|')})$`,
  )
  const named = new RegExp(`(?<=\\.(?:${known}))\\.(?!\\d+(?:\\.|$))([^.]+)(?=$|\\.)`)
  const depth = [...tensors.keys()].every((name) => name.startsWith('module.')) ? 1 : 0
  const plain = new Map([...tensors.keys()].map((name) => [name, plainName(name, depth)]))
  const adapterIn = (key: string): string | undefined => (complete.test(key) ? undefined : named.exec(key)?.[1])
  const names = [...new Set([...plain.values()].flatMap((key) => adapterIn(key) ?? []))]
  if (names.length > 1)
    throw new UserError(
      `${file}: holds ${names.length} adapters (${names.join(', ')}): save one of them by itself (save_pretrained with selected_adapters) and give its folder`,
    )
  const keys = new Map<string, string>()
  for (const [stored, each] of plain) {
    const unnamed = adapterIn(each) === undefined ? each : each.replace(named, '')
    // In memory the lengths of DoRA are a module; peft reads them under this name, too.
    const own = unnamed.replace(/(\.lora_magnitude_vector)\.weight$/, '$1')
    const key = ['default', ...names].reduce(
      (given, name) => given.replace(`.modules_to_save.${name}.`, '.modules_to_save.'),
      own,
    )
    const other = keys.get(key)
    if (other !== undefined) throw new UserError(`${file}: ${other} and ${stored} are one tensor twice`)
    keys.set(key, stored)
  }
  return keys
}
