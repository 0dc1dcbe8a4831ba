// Which language a text is in. The reference uses the Python library langdetect; here franc is used, for the same languages.
import { franc } from 'franc'

/** ISO 639-1, as IFEval writes them → ISO 639-3, as franc does. */
const CODES: Readonly<Record<string, string>> = {
  en: 'eng',
  es: 'spa',
  pt: 'por',
  ar: 'arb',
  hi: 'hin',
  fr: 'fra',
  ru: 'rus',
  de: 'deu',
  ja: 'jpn',
  it: 'ita',
  bn: 'ben',
  uk: 'ukr',
  th: 'tha',
  ur: 'urd',
  ta: 'tam',
  te: 'tel',
  bg: 'bul',
  ko: 'kor',
  pl: 'pol',
  he: 'heb',
  fa: 'pes',
  vi: 'vie',
  ne: 'nep',
  sw: 'swh',
  kn: 'kan',
  mr: 'mar',
  gu: 'guj',
  pa: 'pan',
  ml: 'mal',
  fi: 'fin',
}

/** A text without letters counts as right, as in the reference; one of a few words is a guess, there and here. */
export function isLanguage(text: string, code: string): boolean {
  if (!/\p{L}/u.test(text)) return true
  return franc(text, { only: Object.values(CODES), minLength: 1 }) === (CODES[code] ?? code)
}
