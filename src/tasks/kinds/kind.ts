// What the card of one kind of task means: the entries and metrics it can have, and how its items are read.
import type { ResolveOptions } from '../../hub/index.js'
import type { TaskBase } from '../base.js'
import type { Card } from '../cards/card.js'

export interface CardKind<T extends TaskBase & { kind: string; items: unknown[] }> {
  /** Entries that a card of this kind must have. */
  needs: readonly (keyof Card)[]
  /** Names of the metrics that it can have. */
  metrics: readonly string[]
  /** Between prompt and answer, unless the card says otherwise. */
  delimiter: string
  /**
   * The items, and what else this kind of task has. Data of the hub is downloaded.
   * @throws UserError with path and line: no such data, or a row that does not fit the card
   */
  load(card: Card, options: ResolveOptions): Promise<Pick<T, 'items'> & Partial<Omit<T, 'kind' | keyof TaskBase>>>
}
