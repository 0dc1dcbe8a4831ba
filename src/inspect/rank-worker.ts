// The program of a worker thread that finds effective ranks.
import { answerTasks } from '../stream/index.js'
import { meanRank, type RankTask } from './rank.js'

answerTasks(async (_data: null) => async (task: RankTask) => meanRank(task))
