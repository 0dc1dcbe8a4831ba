// What a delta file may take, or may lose.
import { UserError } from '../errors/index.js'

/** At most so many bytes of the whole file, bits for each parameter that has a base (the data of these tensors alone), or nats of loss change. */
export type Budget = { bytes: number } | { bits: number } | { loss: number }

const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** `1GB`, `300MiB`, `0.5bit`. @throws UserError (usage) for other words */
export function parseBudget(text: string): Budget {
  const [, sign = '', digits = '', unit = ''] = /^\s*(-?)(\d+(?:\.\d+)?|\.\d+)\s*([a-z]+)\s*$/i.exec(text) ?? []
  const [value, word] = [Number(digits), unit.toLowerCase()]
  const isBits = word === 'bit' || word === 'bits'
  const factor = Object.hasOwn(UNITS, word) ? UNITS[word]! : null
  if (digits && (sign || value === 0) && (isBits || factor !== null))
    throw new UserError(`a budget is above 0; got ${text.trim()}`, { exitCode: 2 })
  if (!digits || (!isBits && factor === null))
    throw new UserError(
      `the budget ${JSON.stringify(text)}: give bytes of the file (300MB, 1GB, 1GiB) or bits for each parameter (0.5bit)`,
      { exitCode: 2 },
    )
  return isBits ? { bits: value } : { bytes: Math.floor(value * factor!) }
}

/** @throws UserError (usage) for amounts that are none */
export function checkBudget(budget: Budget): void {
  const [[unit, amount]] = Object.entries(budget) as [[string, number]]
  if (Number.isFinite(amount) && (unit === 'loss' ? amount >= 0 : amount > 0)) return
  const words = unit === 'loss' ? 'a target loss change is a number of at least 0' : `a budget of ${unit} is above 0`
  throw new UserError(`${words}; got ${amount}`, { exitCode: 2 })
}
