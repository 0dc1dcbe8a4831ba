// The program of a worker thread that edits.
import { answerTasks } from '../stream/index.js'
import { openEditor } from './thread.js'

answerTasks(openEditor)
