// Which language a text is in. The reference asks the Python library langdetect; franc is asked here, for the same languages.
import { franc } from 'franc'

/** ISO 639-1, as IFEval writes them → ISO 639-3, as franc does. */
const CODES: Readonly<Record<string, string>> = {
  en: 'eng', es: 'spa', pt: 'por', ar: 'arb', hi: 'hin', fr: 'fra', ru: 'rus', de: 'deu', ja: 'jpn', it: 'ita', bn: 'ben', uk: 'ukr',
  th: 'tha', ur: 'urd', ta: 'tam', te: 'tel', bg: 'bul', ko: 'kor', pl: 'pol', he: 'heb', fa: 'pes', vi: 'vie', ne: 'nep', sw: 'swh',
  kn: 'kan', mr: 'mar', gu: 'guj', pa: 'pan', ml: 'mal', fi: 'fin',
}

/** A text too short to tell counts as right, as in the reference. */
export function isLanguage(text: string, code: string): boolean {
  const found = franc(text, { only: Object.values(CODES), minLength: 10 })
  return found === 'und' || found === (CODES[code] ?? code)
}
