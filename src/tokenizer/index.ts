// The door to Hugging Face tokenizers and their chat templates.

export { loadChat, type Message, parseChatTemplate, readChatTemplate } from './chat.js'
export type { Encoded } from './engine.js'
export { loadTokenizer } from './load.js'
export { describeEngine } from './open.js'
export { withPrompt } from './prompt.js'
export { withinRows } from './rows.js'
export { mapTokens } from './settings.js'
export { CHAT_TEMPLATES } from './templates.js'
export type { Tokenizer } from './tokenizer.js'
export { cutVocabulary, joinVocabularies, readVocabulary, type Vocabulary } from './vocabulary.js'
export { hasTokenizer, tokenizerFiles } from './vocabulary-files.js'
