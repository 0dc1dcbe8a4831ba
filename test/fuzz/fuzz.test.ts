// A slice of `npm run fuzz`: a few changed files of every kind, and that changes are the same for the same seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutate } from '../../fuzz/mutate.js'
