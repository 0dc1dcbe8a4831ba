// Worked independently of src/family: what the words of a text mean, by plain JavaScript.

/** Sum of `23 coins and then bought 5 and dropped 19`. */
export function followStory(told: string): number {
  const gains = new Set('bought earned found got made picked took won'.split(' '))
  const losses = new Set('dropped gave lost sent sold spent threw used'.split(' '))
  let total = Number(/\d+/.exec(told)?.[0])
  for (const [, verb, number] of told.slice(told.indexOf(' then ')).matchAll(/([a-z]+) (\d+)/g)) {
    if (gains.has(verb!)) total += Number(number)
    else if (losses.has(verb!)) total -= Number(number)
    else throw new Error(`neither gain nor loss: ${verb}`)
  }
  return total
}

/** Every `a+b=c` and `a-b=c` of a text as [a, ±b, c]. */
export const equationsOf = (text: string) =>
  [...text.matchAll(/(\d+)([+-])(\d+)=(\d+)/g)].map(([, left, sign, right, result]) => [
    Number(left),
    Number(sign! + right!),
    Number(result),
  ])

/** What a list operation must answer. */
export function followRequest(operation: string, list: string): string {
  const words = list.split(' ')
  switch (operation) {
    case 'backwards':
      return words.reduce((line, word) => `${word} ${line}`, '').trim()
    case 'in capitals':
      return list.toUpperCase()
    case 'twice':
      return `${list} ${list}`
    case 'the first':
      return list.slice(0, list.indexOf(' '))
    case 'the last':
      return list.slice(list.lastIndexOf(' ') + 1)
    case 'in order':
      return words.toSorted((one, two) => one.localeCompare(two, 'en')).join(' ')
    case 'the count':
      return `${words.length}`
    case 'again':
      return list
    default:
      throw new Error(`no such operation: ${operation}`)
  }
}

/** Value of `minus 2 and times 2 and plus 8` or `twice and backwards`, from the words. */
export function followWords(words: string, start: number | string): number | string {
  let value = start
  for (const phrase of words.split(' and ')) {
    const [word, number] = phrase.split(' ')
    if (typeof value === 'number') {
      if (word === 'plus') value += Number(number)
      else if (word === 'minus') value -= Number(number)
      else if (word === 'times') value *= Number(number)
      else throw new Error(`no such step: ${phrase}`)
    } else if (phrase === 'twice') value = `${value}${value}`
    else if (phrase === 'backwards') value = value.split('').reverse().join('')
    else if (phrase === 'in capitals') value = value.toUpperCase()
    else if (phrase === 'the first') value = value.slice(0, 1)
    else if (phrase === 'the last') value = value.slice(-1)
    else throw new Error(`no such step: ${phrase}`)
  }
  return value
}

/** Value of an expression of the code language, by rewriting from the inside out rather than by parsing. */
export function rewrite(expression: string, value: number | string): number | string {
  if (typeof value === 'number') {
    if (!/^[x\d()+*-]+$/.test(expression)) throw new Error(`not a sum: ${expression}`)
    return Function('x', `"use strict"; return ${expression}`)(value) as number // text that the generator wrote, in a test
  }
  const rules: [RegExp, (text: string) => string][] = [
    [/"(\w*)"\[::-1\]/, (text) => [...text].reverse().join('')],
    [/"(\w*)"\.upper\(\)/, (text) => text.toUpperCase()],
    [/"(\w*)"\[0\]/, (text) => text[0]!],
    [/"(\w*)"\[-1\]/, (text) => text[text.length - 1]!],
    [/"(\w*)"\*2/, (text) => text + text],
    [/\("(\w*)"\)/, (text) => text],
  ]
  let text = expression.replace(/\bs\b/, `"${value}"`)
  for (
    let rule = rules.find(([pattern]) => pattern.test(text));
    rule;
    rule = rules.find(([pattern]) => pattern.test(text))
  ) {
    const [pattern, apply] = rule
    text = text.replace(pattern, (_, inner: string) => `"${apply(inner)}"`)
  }
  if (!/^"\w*"$/.test(text)) throw new Error(`not a string expression: ${expression}`)
  return text.slice(1, -1)
}
