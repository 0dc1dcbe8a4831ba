// Items as token sequences.
import { UserError } from '../../errors/index.js'
import { strip } from '../../jinja/index.js'

/** Token ids of an item: what the model is given, and what it should answer, with end-of-text where there is one. */
interface EncodedItem {
  prompt: readonly number[]
  target: readonly number[]
}

/** What is needed of a tokenizer. */
export interface Encoder {
  encode(texts: readonly string[], options?: { special?: boolean }): Promise<number[][]>
  eos?: number | undefined
  bos?: number | undefined
}

export async function sequencesOf(
  items: readonly { prompt: string; target: string }[],
  { encode, eos }: Encoder,
): Promise<EncodedItem[]> {
  const prompts = await encode(
    items.map(({ prompt }) => prompt),
    { special: true },
  )
  const targets = await encode(items.map(({ target }) => target))
  const end = eos === undefined ? [] : [eos]
  return prompts.map((prompt, i) => ({ prompt, target: [...targets[i]!, ...end] }))
}

export interface Continuation {
  context: string
  text: string
}

/**
 * Texts that are scored after a context, as lm-evaluation-harness encodes them: both together, cut where the context alone
 * ends; spaces at the end of the context go to the text. An empty context is the begin (or end) of text, which is not scored.
 * @param apart for a model that reads the context in an encoder: each is encoded by itself
 */
export async function continuationsOf(
  continuations: readonly Continuation[],
  { encode, eos, bos = eos }: Encoder,
  { apart = false } = {},
): Promise<EncodedItem[]> {
  const prompts = await encode(
    continuations.map(({ context }) => strip(context, 'right')),
    { special: true },
  )
  if (apart) {
    const texts = continuations.map(({ context, text }) => context.slice(strip(context, 'right').length) + text)
    const targets = await encode(texts)
    return continuations.map(({ context }, i) => ({
      prompt: context === '' ? [firstOf(bos)] : prompts[i]!,
      target: targets[i]!,
    }))
  }
  const wholes = await encode(
    continuations.map(({ context, text }) => context + text),
    { special: true },
  )
  const alone = await encode(continuations.map(({ context, text }) => (context === '' ? text : '')))
  return continuations.map(({ context }, i) => {
    const [prompt, whole, text] = [prompts[i]!, wholes[i]!, alone[i]!]
    if (context !== '' && prompt.length) return { prompt, target: whole.slice(prompt.length) }
    const first = firstOf(bos)
    if (context === '') return { prompt: [first], target: text[0] === first ? text.slice(1) : text }
    return { prompt: [first], target: whole }
  })
}

/** @throws UserError where there is no token to begin with */
function firstOf(bos: number | undefined): number {
  if (bos !== undefined) return bos
  throw new UserError('the tokenizer has no begin-of-text and no end-of-text token to put in front of a text')
}
