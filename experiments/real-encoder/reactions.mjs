// Chooses the reactions of the experiment from schneider50k.tsv of drfp 0.3.7.
import { tokensOf } from './tokenizer.mjs'

const SCORED = 2
const DATA = 2
/** Longer reactions are left out, to keep the runs short; with [CLS] and [SEP] these have at most 100 tokens. */
const LONGEST = 98

/**
 * Of each of the 50 classes the first reactions of the test split that are short enough and not also in the training split. They stand by
 * turns, so that any part of the list has all classes. The last 100 rows (two of each class) are for mergers that learn from data.
 * @param {string} table tab-separated, with the columns rxn_class, rxn (canonical, without atom numbers) and split
 * @returns the names of the classes in the order of the head's outputs (as texts), and rows of `reaction` and `label`
 */
export function chooseReactions(table) {
  const [head, ...lines] = table.trimEnd().split(/\r?\n/)
  const at = (name) => head.split('\t').indexOf(name)
  const [rxn, kind, split] = [at('rxn'), at('rxn_class'), at('split')]
  const rows = lines.map((line) => line.split('\t'))
  const classes = [...new Set(rows.map((row) => row[kind]))].sort()
  const seen = new Set(rows.filter((row) => row[split] === 'train').map((row) => row[rxn]))
  const chosen = classes.map(() => [])
  for (const row of rows) {
    const label = classes.indexOf(row[kind])
    if (row[split] !== 'test' || seen.has(row[rxn]) || chosen[label].length === SCORED + DATA) continue
    if (tokensOf(row[rxn]).length > LONGEST) continue
    seen.add(row[rxn])
    chosen[label].push({ reaction: row[rxn], label })
  }
  return { classes, rows: Array.from({ length: SCORED + DATA }, (_, turn) => chosen.map((list) => list[turn])).flat() }
}
