// `--budget` and `--target-loss`: the codec of each tensor, chosen by what it costs in loss.
import type { Budget, ChoiceRecord, ChooseOptions } from '../budget/index.js'
import { UserError } from '../errors/index.js'
import { LOSS_KINDS, type LossKind } from '../record/index.js'
import type { BackendName } from '../tensor/index.js'
import { note, startBackend, startPhase } from './messages.js'
import { checkCounts, TASK, TOKENIZER } from './options.js'
import { readTask, TEXT } from './text-options.js'

export const BUDGET = {
  budget: {
    type: 'string',
    describe:
      'Choose the codec of each tensor so that the loss is least within so many bytes of the file (300MB, 1GB), or bits for each parameter that has a base (0.5bit)',
  },
  'target-loss': {
    type: 'number',
    describe: 'Choose the codecs so that the file is smallest within this loss change, in nats for each token or row',
  },
  task: TASK,
  ...TEXT,
  items: {
    type: 'number',
    default: 64,
    describe: '--budget, --target-loss: last items of the task to choose by, and as many first ones to check on',
  },
  loss: {
    choices: LOSS_KINDS,
    describe:
      '--budget, --target-loss: the loss on the labels of the task (default with --task), or the divergence KL(post ‖ stored) (default with --text)',
  },
  tokenizer: TOKENIZER,
} as const

interface BudgetArgs {
  budget?: string | undefined
  targetLoss?: number | undefined
  task?: string | undefined
  text?: string | undefined
  column?: string | undefined
  length?: number | undefined
  stride?: number | undefined
  items: number
  loss?: LossKind | undefined
  codec?: string | undefined
  lossless?: boolean | undefined
  fast?: boolean | undefined
  editor?: string[] | undefined
  include?: string[] | undefined
  exclude?: string[] | undefined
}

/** What is asked for; null without a budget. @throws UserError (usage) for options that exclude each other */
export async function readBudget(
  args: BudgetArgs,
): Promise<{ budget: Budget; task: string | undefined; loss: LossKind } | null> {
  const { budget, targetLoss, task, text, items, loss, codec, lossless, fast, editor, include, exclude } = args
  const wrong = (words: string) => new UserError(words, { exitCode: 2 })
  if (budget === undefined && targetLoss === undefined) {
    const stray = Object.entries({ task, text, loss }).find(([, value]) => value !== undefined)?.[0]
    if (stray) throw wrong(`--${stray} is for a choice of codecs: give --budget or --target-loss with it`)
    return null
  }
  if (budget !== undefined && targetLoss !== undefined)
    throw wrong('--budget and --target-loss exclude each other: give one of them')
  if (codec !== undefined || lossless || fast || editor?.length)
    throw wrong('--budget and --target-loss choose the codecs: leave out --codec, --lossless, --fast and --editor')
  if (include?.length || exclude?.length)
    throw wrong('--budget and --target-loss choose for all tensors: leave out --include and --exclude')
  if (targetLoss !== undefined && !(targetLoss >= 0))
    throw wrong(`--target-loss must be a number of at least 0; got ${targetLoss}`)
  checkCounts({ items })
  const source = task === undefined && text === undefined ? undefined : await readTask(task, args)
  const lone = targetLoss !== undefined ? 'target-loss' : loss !== undefined ? 'loss' : null
  if (source === undefined && lone) throw wrong(`--${lone} needs --task or --text, to measure the loss on`)
  return {
    budget: budget === undefined ? { loss: targetLoss! } : (await import('../budget/index.js')).parseBudget(budget),
    task: source,
    loss: loss ?? (text === undefined ? 'task' : 'kl'),
  }
}

type Recorded = Partial<ChoiceRecord>

const nats = (value: number): string =>
  Math.abs(value) >= 1e-4 || value === 0 ? value.toFixed(4) : value.toExponential(1)

/** A choice in words: how it was found, what it was estimated to cost, and what it costs. */
function budgetText({ by, loss, estimated, together, learned, verified, gap = 0 }: Recorded): string {
  const bound = `no choice of as many bytes is estimated lower${gap ? ` by more than ${(100 * gap).toPrecision(2)} %` : ''}`
  if (by === 'relative error' && !loss) return `chosen by the relative errors of the deltas, without a loss; ${bound}`
  const what = loss === 'kl' ? 'divergence from post' : 'loss change'
  const how = by === 'uniform' ? 'one codec for all was best' : `chosen by ${by}`
  const told = (found: typeof verified) => {
    if (!found) return 'not measured'
    const { change, standardError, items } = found
    return standardError === null
      ? `${nats(change)} on one item`
      : `${nats(change)} ± ${nats(standardError)} on ${items} items`
  }
  return [
    `${how}; ${what} in nats: ${told(verified)} not chosen by, ${told(learned)} chosen by`,
    `estimated: ${nats(estimated ?? 0)} as a sum over the tensors, ${nats(together ?? 0)} together; ${bound}`,
  ].join('\n')
}

/** The words of a file's choice, in front of what else is told of it. */
export const choiceLines = (choice: Readonly<Record<string, unknown>> | null): string =>
  choice ? `${budgetText(choice as Recorded)}\n` : ''

/** The codec of each tensor within a budget, what the file says of the choice, and the memory that is left to write it. */
export async function chooseOne(
  base: string,
  post: string,
  { budget, backend, ...args }: Omit<ChooseOptions, 'budgets'> & { budget: Budget; backend: BackendName },
) {
  const [{ chooseCodecs, parseChoices, recordOf, writeMemory }] = await Promise.all([
    import('../budget/index.js'),
    startBackend(backend),
  ])
  startPhase('choose the codecs')
  const [found] = await chooseCodecs(base, post, { ...args, budgets: [budget], note })
  return { choices: parseChoices(found!.codecs), record: recordOf(found!), memory: writeMemory(found!, args.memory) }
}
