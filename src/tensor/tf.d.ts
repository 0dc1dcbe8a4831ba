// The types of tf.js: those of TensorFlow.js itself.
export * as tf from '@tensorflow/tfjs'
