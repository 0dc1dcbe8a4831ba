// Reads cards, and checks what a schema of single entries cannot: metrics and entries of the card's kind, and its templates.
import { dirname } from 'node:path'
import { isNode, LineCounter, parseDocument, visit } from 'yaml'
import { UserError, unknown } from '../../errors/index.js'
import { Float } from '../../jinja/index.js'
import { firstIssue, readText, sayIssue, valuesOf } from '../../schema/index.js'
import { CARD_KINDS } from '../kinds/index.js'
import { type Card, type CardEntries, CardFile, entryOf, TEMPLATES } from './card.js'
import { within } from './place.js'
import { PREPARATIONS } from './prepare.js'
import { compileTemplate } from './template.js'

/** Reads and checks a card. UserError with path and line for YAML errors, missing, unknown or wrong entries, and templates. */
export function readCard(path: string): Card {
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined) => `${path}:${offset === undefined ? 1 : lines.linePos(offset).line}`
  const [broken] = document.errors
  if (broken) throw new UserError(`${at(broken.pos[0])}: ${broken.message}`)

  // What YAML writes as 2.0 is a float in the texts that it stands in.
  const samples = document.getIn(['fewshot', 'samples'], true)
  if (isNode(samples))
    visit(samples, {
      Scalar: (_, node) =>
        void (
          typeof node.value === 'number' &&
          /[.eE]/.test(node.source ?? '') &&
          Number.isInteger(node.value) &&
          (node.value = new Float(node.value))
        ),
    })

  const lineOf = (keys: readonly PropertyKey[]) => {
    const node = keys.length ? document.getIn(keys, true) : null
    return at(isNode(node) ? node.range?.[0] : undefined)
  }
  const errorAt = (key: string, message: string) => new UserError(`${lineOf(key ? [key] : [])}: ${message}`)
  const parsed = CardFile.safeParse(
    within(
      () => valuesOf(document),
      (message) => new UserError(`${at(undefined)}: ${message}`),
      ReferenceError,
    ),
    { error: sayIssue },
  )
  if (!parsed.success) {
    const { path: keys, message } = firstIssue(parsed.error.issues)
    throw new UserError(`${lineOf(keys)}: ${keys.length ? `${keys.join('.')}: ` : ''}${message}`)
  }
  return completeCard(parsed.data, { origin: path, folder: dirname(path), errorAt })
}

/** @throws UserError for an entry that does not fit the others */
export function completeCard(
  { metric, ...entries }: CardEntries,
  place: Pick<Card, 'origin' | 'folder' | 'errorAt' | 'rows' | 'ownMetrics'>,
): Card {
  const { kind, prepare } = entries
  const { metrics: known, needs, delimiter } = CARD_KINDS[kind]
  const [first, ...others] = [metric].flat()
  const card: Card = {
    ...entries,
    ...place,
    delimiter: entries.delimiter ?? delimiter,
    metrics: [first!, ...others],
  }
  const all = [...Object.keys({ ...place.ownMetrics?.generate, ...place.ownMetrics?.choices }), ...known]
  const wrong = card.metrics.find((name) => !all.includes(name))
  if (wrong !== undefined) throw card.errorAt('metric', unknown('metric', wrong, all).message)
  if (prepare !== undefined && !Object.hasOwn(PREPARATIONS, prepare))
    throw card.errorAt('prepare', unknown('preparation', prepare, Object.keys(PREPARATIONS)).message)
  for (const key of needs) entryOf(card, key)
  for (const key of TEMPLATES) {
    const template = card[key]
    if (template !== undefined)
      within(
        () => compileTemplate(template),
        (message) => card.errorAt(key, `${key}: ${message}`),
      )
  }
  return card
}
