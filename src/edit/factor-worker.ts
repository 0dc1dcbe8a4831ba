// The program of a worker thread that factorises deltas.
import { answerTasks } from '../stream/index.js'
import { type FactorReply, type FactorTask, openFactorWork } from './factorise.js'

answerTasks(async (_data: null) => {
  const { run } = openFactorWork()
  return async (task: FactorTask): Promise<FactorReply> => run(task)
})
