// Which format of packed codes a stored tensor is in.
import { type Coded, isCodes, isMlxCodes, type Quantisation, type Stored } from './coded.js'
import { packingOf, readAwq, readGptq } from './gptq.js'
import { readPackQuantized } from './pack-quantized.js'

/** The weight whose codes a stored tensor holds; null for a tensor that holds none of these. */
export function readPacked(stored: Stored, name: string, said: Quantisation | null): Promise<Coded> | null {
  if (!said) return null
  const base = name.slice(0, name.lastIndexOf('.'))
  if (said.method === 'mlx')
    return isMlxCodes(stored, name)
      ? import('./mlx.js').then(({ readMlxWeight }) => readMlxWeight({ stored, base }, said))
      : null
  if (name.endsWith('.qweight'))
    return said.method === 'awq' || packingOf(said) === 'awq'
      ? readAwq({ stored, base }, said)
      : readGptq({ stored, base }, said)
  return isCodes(stored, name, 'I32') ? readPackQuantized({ stored, base }, said) : null
}
