// Words of configs, options and rows. Commands that say their help load these alone.

/** Quadrature rules of a Riemann sum: the words of configs and rows. */
export const RULES = ['left', 'right', 'midpoint', 'trapezoid', 'simpson', 'gauss'] as const
/** Quadrature rule of a Riemann sum. */
export type Rule = (typeof RULES)[number]

/** Intervals of a path, or nodes of `gauss`, at most: each takes a gradient. */
export const MOST_STEPS = 10_000

/** What a loss may be: that of the task, on its labels; or the divergence from the post-trained model, KL(post ‖ model). */
export const LOSS_KINDS = ['task', 'kl'] as const
/** What a loss is: `task` or `kl`. */
export type LossKind = (typeof LOSS_KINDS)[number]

/** Nats that a competitive edit diverges by at most, on all measured positions together. */
export const MOST_NATS = 8
