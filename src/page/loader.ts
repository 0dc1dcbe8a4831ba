// Starts the program of the page. The page's policy knows the hash of both, and no other script runs.
import { readCompressed } from './compressed-text.js'

void readCompressed('program').then((text) => {
  const script = document.createElement('script')
  script.textContent = text
  document.head.append(script)
})
