// Scores of classes and values by hand-worked numbers.
import { test } from 'node:test'
import { LABEL_METRICS } from '../../../src/tasks/index.js'
import { assertClose } from '../../close.js'

const near = (given: number, wanted: number) => assertClose(given, wanted, { tolerance: 1e-12 })

test('accuracy and F1: 2 hits of class 1, 1 false alarm, 1 miss, 1 rightly 0', () => {
  const [predicted, right] = [
    [1, 1, 1, 0, 0],
    [1, 1, 0, 1, 0],
  ]
  near(LABEL_METRICS.acc.measure(predicted, right), 3 / 5)
  near(LABEL_METRICS.f1.measure(predicted, right), 4 / 6)
  // (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)) = (2 − 1) / √(3·3·2·2)
  near(LABEL_METRICS.matthews.measure(predicted, right), 1 / 6)
})

test('F1 is 0 where nothing is or should be of class 1, and an item counts as often as it is said', () => {
  near(LABEL_METRICS.f1.measure([0, 0], [0, 0]), 0)
  // The first item three times: 3 hits, 1 false alarm, 1 miss, 1 rightly 0.
  const [predicted, right, counts] = [
    [1, 1, 0, 0],
    [1, 0, 1, 0],
    [3, 1, 1, 1],
  ] as const
  near(LABEL_METRICS.acc.measure(predicted, right, counts), 4 / 6)
  near(LABEL_METRICS.f1.measure(predicted, right, counts), 6 / 8)
  // (3·1 − 1·1) / √(4·4·2·2)
  near(LABEL_METRICS.matthews.measure(predicted, right, counts), 2 / 8)
})

test('Matthews of three classes, of a constant prediction, of a perfect and of an inverted one', () => {
  // From the confusion matrix: n = 6, hits 4, Σ p·t = 2·2·3 = 12, both sides (2, 2, 2): (24 − 12) / (36 − 12)
  near(LABEL_METRICS.matthews.measure([0, 0, 1, 2, 2, 1], [0, 0, 1, 1, 2, 2]), 12 / 24)
  near(LABEL_METRICS.matthews.measure([1, 1, 1], [0, 1, 1]), 0)
  near(LABEL_METRICS.matthews.measure([0, 1, 1], [0, 1, 1]), 1)
  near(LABEL_METRICS.matthews.measure([1, 0], [0, 1]), -1)
})

test('Pearson and Spearman, with ties and without variation', () => {
  near(LABEL_METRICS.pearson.measure([1, 2, 3], [2, 4, 6]), 1)
  near(LABEL_METRICS.pearson.measure([1, 2, 3], [1, 2, 0]), -0.5)
  near(LABEL_METRICS.spearman.measure([1, 10, 100], [0, 1, 5]), 1)
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5)
  near(LABEL_METRICS.spearman.measure([1, 5, 5, 9], [1, 2, 3, 4]), 4.5 / Math.sqrt(22.5))
  near(LABEL_METRICS.pearson.measure([3, 3], [1, 2]), 0)
})
