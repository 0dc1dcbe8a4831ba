export * from './train.js'
