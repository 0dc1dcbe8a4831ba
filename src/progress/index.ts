// How far work is, told to whoever listens. Work has a name, a unit and a total; what begins inside of it belongs to it.
export { hear, type Progress, type WorkFacts } from './channel.js'
export { tally, track, type Work } from './work.js'
