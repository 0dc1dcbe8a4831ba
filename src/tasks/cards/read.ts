// Reads cards, and checks what a schema of single entries cannot: metrics and entries of the card's kind, and its templates.
import { dirname } from 'node:path'
import { type Document, isNode, visit } from 'yaml'
import { UserError, unknown, within } from '../../errors/index.js'
import { Float } from '../../jinja/index.js'
import { DIVERGENCES } from '../../naming/index.js'
import { readYaml } from '../../yaml/index.js'
import { CARD_KINDS } from '../kinds/index.js'
import { type Card, type CardEntries, CardFile, requiredEntry, TEMPLATE_ENTRIES } from './card.js'
import { PREPARATIONS } from './prepare.js'
import { compileTemplate } from './template.js'

/** Reads and checks a card. @throws UserError with line and column: not YAML, or a missing, unknown or wrong entry or template */
export function readCard(path: string): Card {
  const { value, locate } = readYaml(path, CardFile, { amend: keepFloats })
  return locate(() => completeCard(value, { origin: path, folder: dirname(path), locate }))
}

/** What YAML writes as 2.0 is a float in the texts that it stands in. */
function keepFloats(document: Document.Parsed): void {
  const samples = document.getIn(['fewshot', 'samples'], true)
  if (!isNode(samples)) return
  visit(samples, {
    Scalar(_, node) {
      if (typeof node.value === 'number' && /[.eE]/.test(node.source ?? '') && Number.isInteger(node.value))
        node.value = new Float(node.value)
    },
  })
}

/** @throws UserError for an entry that does not fit the others, with its path */
export function completeCard(
  { metric, ...entries }: CardEntries,
  place: Pick<Card, 'origin' | 'folder' | 'locate' | 'rows' | 'ownMetrics'>,
): Card {
  const { kind, prepare } = entries
  const { needs, delimiter } = CARD_KINDS[kind]
  const [first, ...others] = [metric].flat()
  if (first === undefined) throw new UserError('names no metric', { path: ['metric'] })
  const card: Card = {
    ...entries,
    ...place,
    delimiter: entries.delimiter ?? delimiter,
    metrics: [first, ...others],
  }
  within(['metric'], () => checkMetrics(card))
  if (prepare !== undefined && !Object.hasOwn(PREPARATIONS, prepare))
    throw unknown('preparation', prepare, Object.keys(PREPARATIONS)).at('prepare')
  for (const key of needs) requiredEntry(card, key)
  if (card.self_correction && kind !== 'generate')
    throw new UserError(`is of generated answers, and this card is of the kind ${kind}`, { path: ['self_correction'] })
  for (const key of TEMPLATE_ENTRIES) {
    const template = card[key]
    if (template !== undefined) within([key], () => compileTemplate(template))
  }
  return card
}

/** @throws UserError for a metric that the kind does not have */
function checkMetrics({ kind, metrics, ownMetrics }: Card): void {
  const own = Object.keys({ ...ownMetrics?.generate, ...ownMetrics?.choices })
  const all = [...own, ...CARD_KINDS[kind].metrics, ...DIVERGENCES]
  const wrong = metrics.find((name) => !all.includes(name))
  if (wrong !== undefined) throw unknown('metric', wrong, all).at()
}

/** The card with other metrics. @throws UserError for one that its kind does not have */
export function withMetrics(card: Card, metric: string | readonly string[] | undefined): Card {
  if (metric === undefined) return card
  const [first, ...others] = [metric].flat()
  const changed = { ...card, metrics: [first!, ...others] as const }
  within(['metric'], () => checkMetrics(changed))
  return changed
}
