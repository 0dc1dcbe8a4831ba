// Reports on a pair of checkpoints: statistics of every delta, of every role, and of the whole model.
import {
  countComputed,
  layerOf,
  type Pair,
  ROLES,
  type Role,
  roleOf,
  surveyTensor,
  type TensorWork,
} from '../checkpoint/index.js'
import { inOrder, openStream, type StreamedTensors, type StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { openRanks } from './find-ranks.js'
import { coarseQuantiles, Histogram } from './quantile.js'
import { addSums, QUANTILES, type Statistics, type Sums, statisticsOf } from './statistics.js'
import { type Survey, surveyDelta } from './survey.js'

export interface TensorReport extends Statistics {
  /** Checkpoint name of the tensor. */
  name: string
  /** Role of the tensor in the model. */
  role: Role
  /** Number of its layer, from 0; null outside the layers. */
  layer: number | null
  /** Its shape. */
  shape: number[]
  /** Stored formats. */
  dtype_base: string
  /** Stored format in the post-trained model. */
  dtype_post: string
  /** exp of the entropy of σ/Σσ of a matrix, of a batch their mean; null for other shapes, zero deltas, and matrices above the size limit. */
  effective_rank: number | null
}

export interface GroupReport extends Statistics {
  /** The role; `all` for the whole model. */
  role: Role | 'all'
  /** Number of its tensors. */
  tensors: number
}

export interface InspectSettings extends StreamOptions {
  /** Names to inspect; all of the pair by default. */
  names?: readonly string[]
  /** Matrices whose smaller side is longer than this get no effective rank (a cubic cost, seconds at 1024); 0 for none. */
  rankLimit?: number
}

const RANK_LIMIT = 1024

/** Yields one report per tensor; returns the reports of the roles, then that of all tensors. */
export async function* inspectPair(
  pair: Pair,
  { names = pair.names, rankLimit = RANK_LIMIT, ...options }: InspectSettings = {},
): AsyncGenerator<TensorReport, GroupReport[]> {
  const groups: Groups = new Map()
  const ranks = openRanks(pair, names, { ...options, limit: rankLimit })
  const surveyed = surveyAll(pair, names, options, groups)
  if (rankLimit === 0) for await (const report of surveyed) yield { ...report, effective_rank: null }
  else {
    // Ranks need the memory that the engine has while it reads, so they come after.
    const reports: SurveyReport[] = []
    for await (const report of surveyed) reports.push(report)
    ranks.start()
    for (const report of reports) yield { ...report, effective_rank: await ranks.rankOf(report.name) }
  }
  return reportsOf(groups)
}

/** Tensors together: of a role, or all. */
interface Group {
  tensors: number
  sums: Sums
  /** Of all tensors it is made of those of the roles. */
  histogram: Histogram
}
type Groups = Map<Role | 'all', Group>

function reportsOf(groups: Groups): GroupReport[] {
  const all = groups.get('all')
  for (const [role, { histogram }] of groups) if (role !== 'all') all!.histogram.addAll(histogram)
  const order = [...ROLES, 'all'] as const
  return order
    .filter((role) => groups.has(role))
    .map((role) => {
      const { tensors, sums, histogram } = groups.get(role)!
      const quantiles = coarseQuantiles(histogram, QUANTILES).map((q) => Math.min(q, sums.max))
      return { role, tensors, ...statisticsOf(sums, quantiles) }
    })
}

type SurveyReport = Omit<TensorReport, 'effective_rank'>

/** Reports without ranks, in the order of the names; their sums go into the groups. */
async function* surveyAll(
  pair: Pair,
  names: readonly string[],
  options: StreamOptions,
  groups: Groups,
): AsyncGenerator<SurveyReport> {
  const engine = openStream(options, streamedIn(pair, names), 2)
  try {
    const surveys = inOrder(AHEAD * engine.jobs, names, async (name) => ({
      name,
      ...(await surveyTensor(engine, surveyOf(pair, name))),
    }))
    for await (const { name, quantiles, ...survey } of surveys) {
      const { shape, dtype } = pair.post.tensors.get(name)!
      const role = roleOf(name, shape)
      addToGroups(groups, role, survey)
      yield {
        name,
        role,
        layer: layerOf(name),
        shape,
        dtype_base: pair.base.tensors.get(name)!.dtype,
        dtype_post: dtype,
        ...statisticsOf(survey.sums, quantiles),
      }
    }
  } finally {
    await engine.close()
  }
}

/** Tensors that are begun for each thread before the first of them is reported. */
const AHEAD = 8

/** What the engine must have memory for. */
const streamedIn = ({ base, post }: Pair, names: readonly string[]): StreamedTensors =>
  names.map((name) => ({
    shape: post.tensors.get(name)!.shape,
    models: 1,
    computed: countComputed([base, post].map((checkpoint) => ({ checkpoint, name }))),
  }))

function surveyOf({ base, post }: Pair, name: string): TensorWork<Survey> {
  const { shape } = post.tensors.get(name)!
  return {
    shape,
    base: { checkpoint: base, name },
    models: [{ checkpoint: post, name }],
    deltas: [true],
    program: surveyDelta(countEntries(shape)),
  }
}

function addToGroups(groups: Groups, role: Role, { sums, bins }: Omit<Survey, 'quantiles'>): void {
  for (const key of [role, 'all'] as const) {
    const group = groups.get(key)
    if (group) addSums(group.sums, sums)
    else groups.set(key, { tensors: 0, sums: { ...sums }, histogram: new Histogram() })
    groups.get(key)!.tensors++
  }
  groups.get(role)!.histogram.add(bins)
}
