// An encoder of text from the parts of its family: what the embeddings of tokens go through, and the head of its class. A head reads
// the first token (or what the family pools) for the classes or the value of a text, and each token for masked ones.
import type { Tensor } from '../tensor/index.js'
import { type Config, classOf, headObjective, isSet, labelsOf } from './config.js'
import { layerNorm, linear } from './layers.js'
import type { Block, Inputs, Model, Weights } from './model.js'
import type { Shapes } from './shapes.js'
import { embedBlock, pickWanted, projectBlock } from './vocabulary.js'

/** What a head does before its last matrix: a linear layer, an activation and, where it has one, a LayerNorm. */
interface Transform {
  dense: string
  /** Whether `dense` has a bias; it has unless this says no. */
  bias?: boolean
  activation: (x: Tensor) => Tensor
  norm?: string
}

export interface ClassesHead extends Transform {
  classifier: string
  /** All hidden states → [rows, width]; without it the first token of each row is read. */
  pool?: ((hidden: Tensor, inputs: Inputs) => Tensor) | undefined
}

export interface MaskedHead extends Transform {
  /** The matrix and bias of the logits where they are not tied: `<decoder>.weight` and `<decoder>.bias`. */
  decoder: string
  /** Whether the matrix is that of the embeddings, whatever config.json says. */
  tied?: boolean
  /** The bias beside a tied matrix, where it has another name. */
  tiedBias?: string
  /** Whether logits have a bias; they have unless this says no. */
  logitBias?: boolean
}

/** A family of encoders; its tensors are declared in `book`, but those of the heads. */
export interface EncoderParts {
  /** `model_type` */
  name: string
  book: Shapes
  /** The matrix of the embeddings, [vocabulary, …]. */
  word: string
  width: number
  heads: number
  positions: number
  epsilon: number
  /** Whether LayerNorms have biases; they have unless this says no. */
  normBias?: boolean
  /** From the embeddings of tokens to the last hidden states. */
  body: Block[]
  tables: Model['tables']
  /** Ids after the vocabulary, whose embeddings the body has. */
  further?: number
  classes(): ClassesHead
  /** The head of one logit for each token, which tells whether it was replaced. */
  replaced?: () => ClassesHead
  /** The classifier that tells whether a second text follows the first (class 0) or not, in place of that of the classes. */
  follows?: string
  masked(): MaskedHead
}

/** The classes of a family, from the start of their names; one of them must be named, for there is no usual one. */
export const encoderClasses = (start: string, further: readonly string[] = []) => ({
  classes: [`${start}ForSequenceClassification`, `${start}ForMaskedLM`, ...further, `${start}Model`],
  bare: `${start}Model`,
  named: true,
})

/** The model of the class that config.json names. */
export function textEncoder(config: Config, family: EncoderParts): Model {
  const { name, book, word, width, heads, positions, body, tables, further = 0 } = family
  const vocabulary = book.shapes[word]![0]!
  const { head, ...ends } = headOf(config, family)
  return {
    architecture: name,
    ...ends,
    vocabulary,
    positions,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    blocks: [embedBlock(word, vocabulary + further), ...body, ...head],
    tables,
  }
}

/** Declares the head's tensors. Without a head the outputs are the last hidden states; a pooler is part of no output here. */
function headOf(config: Config, family: EncoderParts): Pick<Model, 'objective' | 'outputs'> & { head: Block[] } {
  const style = classOf(config)!
  if (style.endsWith('SequenceClassification')) {
    const outputs = labelsOf(config)
    return { objective: headObjective(config), outputs, head: [classesHead(family, family.classes(), outputs)] }
  }
  if (style.endsWith('NextSentencePrediction')) {
    const head = { ...family.classes(), classifier: family.follows! }
    return { objective: 'classes', outputs: 2, head: [classesHead(family, head, 2)] }
  }
  // BertForPreTraining has a head for pairs of sentences besides, which is not read.
  if (style.endsWith('MaskedLM') || style === 'BertForPreTraining') {
    const tied = isSet(config, 'tie_word_embeddings', true)
    return { objective: 'masked', outputs: family.book.shapes[family.word]![0]!, head: maskedHead(family, tied) }
  }
  if (style.endsWith('PreTraining') && family.replaced)
    return { objective: 'replaced', outputs: 1, head: [classesHead(family, family.replaced(), 1)] }
  return { objective: 'features', outputs: family.width, head: [] }
}

/** Declares the transform to `width`; the names of its weights, and what it does. */
function declareTransform(
  { book, width: from, epsilon, normBias = true }: EncoderParts,
  part: Transform,
  width: number,
) {
  const { dense, bias = true, activation, norm } = part
  book.affine(dense, [width, from], bias)
  if (norm !== undefined) book.affine(norm, [width], normBias)
  return {
    weights: [dense, ...(norm === undefined ? [] : [norm])].flatMap((name) => book.under(`${name}.`)),
    apply(x: Tensor, weights: Weights) {
      const active = activation(linear(x, weights, dense))
      return norm === undefined ? active : layerNorm(active, weights, norm, epsilon)
    },
  }
}

function classesHead(family: EncoderParts, { classifier, pool, ...part }: ClassesHead, labels: number): Block {
  const transform = declareTransform(family, part, family.width)
  family.book.affine(classifier, [labels, family.width], true)
  return {
    name: 'head',
    weights: [...transform.weights, ...family.book.under(`${classifier}.`)],
    apply(weights, hidden, inputs) {
      const read = pool ? pool(hidden!, inputs) : pickWanted(hidden!, inputs.wanted)
      return linear(transform.apply(read, weights), weights, classifier)
    },
  }
}

/** The transform to the width of the embeddings, and their matrix or one of its own. */
function maskedHead(family: EncoderParts, told: boolean): Block[] {
  const { decoder, tied = told, tiedBias = `${decoder}.bias`, logitBias = true, ...part } = family.masked()
  const { book, word } = family
  const [vocabulary, width] = book.shapes[word] as [number, number]
  const transform = declareTransform(family, part, width)
  const matrix = tied ? word : `${decoder}.weight`
  const bias = logitBias ? (tied ? tiedBias : `${decoder}.bias`) : undefined
  book.shapes[matrix] = [vocabulary, width]
  if (bias !== undefined) book.shapes[bias] = [vocabulary]
  return [
    {
      name: 'transform',
      weights: transform.weights,
      apply: (weights, hidden, { wanted }) => transform.apply(pickWanted(hidden!, wanted), weights),
    },
    projectBlock(matrix, bias),
  ]
}
