// Where the files of an open model are, besides those of its weights.
import { UserError } from '../errors/index.js'
import type { Checkpoint } from './checkpoint.js'

/** Where all is that a model needs besides its weights: its folder, or its base's. */
export const homeOf = ({ home, folder }: Checkpoint): string => home ?? folder

/** Where a model's config.json and tokenizer are: its folder, or its base's. */
export const companionsOf = ({ companions, folder }: Checkpoint): string => companions ?? folder

/** Paths that a model is read from. */
export const sourcesOf = (checkpoint: Checkpoint): readonly string[] => [
  ...(checkpoint.under ?? []),
  ...(checkpoint.sources ?? [checkpoint.folder, homeOf(checkpoint)]),
]

/** Folder of what a model's input is made with: its tokenizer or preprocessor. @throws UserError where its file describes none that is read */
export function inputsOf(checkpoint: Checkpoint): string {
  if (checkpoint.tokenizerFault !== undefined) throw new UserError(checkpoint.tokenizerFault)
  return companionsOf(checkpoint)
}
