// The program of a worker thread that merges.
import { answerTasks } from '../stream/index.js'
import { openMerger } from './thread.js'

answerTasks(openMerger)
