// Starts the program of the page. The page's policy knows the hash of both, and no other script runs.
import { readPacked } from './packed-text.js'

void readPacked('program').then((text) => {
  const script = document.createElement('script')
  script.textContent = text
  document.head.append(script)
})
