// Images for a model with a classification head or a zero-shot one, and the classes that it gives them.
import { classPrompts, type ImageTask } from '../../tasks/index.js'
import { imageBatches } from '../images.js'
import { checkLabels, predict } from '../predict.js'
import { imagesFor } from '../reader.js'
import { scoreLabels } from '../scores.js'
import type { KindMethods } from './kind.js'

export const imageMethods: KindMethods<ImageTask, number> = {
  classifies: true,

  encode: async (task, reader, _, batchTokens) => imageBatches(task, imagesFor(reader, task), batchTokens),

  encodePrompts: async ({ name, items }, reader, _, batchTokens) =>
    imageBatches({ items }, imagesFor(reader, { name }), batchTokens),

  reply: async ({ model, weights, reader }, task, batchTokens) =>
    predict(model, weights, imageBatches(task, imagesFor(reader, task), batchTokens), task.items.length),

  score: scoreLabels,

  checkModel(task, { objective, outputs }) {
    // A zero-shot model has the classes that it is asked for.
    if (objective === 'classes') checkLabels(task, outputs === 0 ? classPrompts(task).length : outputs)
  },

  checkItems: async () => undefined,
}
