// Activations by the names of transformers (ACT2FN, 5.18).

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)))

/** The error function, by its series or its continued fraction; within 1e-15. */
function erf(x: number): number {
  const size = Math.abs(x)
  if (size < 2.5) {
    let [term, sum] = [size, size]
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (2 * size * size) / (2 * n + 1)
      sum += term
    }
    return (Math.sign(x) * 2 * sum * Math.exp(-size * size)) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction)
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)))
}

const geluOf = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2))
const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

const ACTIVATIONS: Readonly<Record<string, (x: number) => number>> = {
  gelu: geluOf,
  gelu_python: geluOf,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_python_tanh: geluTanh,
  gelu_accurate: geluTanh,
  gelu_10: (x) => Math.min(10, Math.max(-10, geluOf(x))),
  hardswish: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6,
  laplace: (x) => 0.5 * (1 + erf((x - 707107e-6) / (0.282095 * Math.SQRT2))),
  leaky_relu: (x) => (x < 0 ? 0.01 * x : x),
  linear: (x) => x,
  mish: (x) => x * Math.tanh(softplus(x)),
  prelu: (x) => (x < 0 ? 0.25 * x : x),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  relu: (x) => Math.max(0, x),
  relu2: (x) => Math.max(0, x) ** 2,
  relu6: (x) => Math.min(6, Math.max(0, x)),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  sqrtsoftplus: (x) => Math.sqrt(softplus(x)),
  swish: (x) => x * sigmoid(x),
  tanh: Math.tanh,
}

/** The activation of this name; undefined where it is none of one number, or not known. */
export const actOf = (name: string): ((x: number) => number) | undefined =>
  Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined
