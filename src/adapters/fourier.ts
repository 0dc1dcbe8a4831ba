// The inverse discrete Fourier transform, of vectors of any length.

/** Complex numbers. */
export interface ComplexValues {
  re: Float64Array
  im: Float64Array
}

/** exp(2πi·n / count) for each n below `count`. */
export function unitCircle(count: number): ComplexValues {
  const angle = (_: unknown, n: number) => (2 * Math.PI * n) / count
  return {
    re: Float64Array.from({ length: count }, angle).map(Math.cos),
    im: Float64Array.from({ length: count }, angle).map(Math.sin),
  }
}

/**
 * x ↦ y with y[k] = Σ x[n] · exp(2πi·n·k / size), without the factor 1 / size, of the columns of a matrix [size, count]. The matrix is
 * overwritten. Each prime factor p of the size costs p · size · count (Stockham's order, without a permutation).
 */
export function openInverse(size: number): (matrix: ComplexValues) => ComplexValues {
  const [factors, circle] = [primeFactors(size), unitCircle(size)]
  return (matrix) => {
    const { length } = matrix.re
    let [from, to]: [ComplexValues, ComplexValues] = [
      matrix,
      { re: new Float64Array(length), im: new Float64Array(length) },
    ]
    let done = 1
    for (const factor of factors) {
      runStage(from, to, circle, { factor, done, count: length / size })
      const result = to
      to = from
      from = result
      done *= factor
    }
    return from
  }
}

interface Stage {
  factor: number
  /** Product of the factors before it. */
  done: number
  /** Columns. */
  count: number
}

/** Sums of `factor` pieces of the rows, each times its place on the circle. */
function runStage(from: ComplexValues, to: ComplexValues, circle: ComplexValues, { factor, done, count }: Stage): void {
  const size = circle.re.length
  const [groups, width] = [size / (factor * done), done * count]
  const [fromRe, fromIm, toRe, toIm] = [from.re, from.im, to.re.fill(0), to.im.fill(0)]
  for (let group = 0; group < groups; group++)
    for (let q = 0; q < factor; q++) {
      const target = (factor * group + q) * width
      for (let t = 0; t < factor; t++) {
        const place = group + t * groups
        const [source, turn] = [place * width, (q * place * done) % size]
        const [re, im] = [circle.re[turn]!, circle.im[turn]!]
        for (let k = 0; k < width; k++) {
          const [a, b] = [fromRe[source + k]!, fromIm[source + k]!]
          toRe[target + k]! += a * re - b * im
          toIm[target + k]! += a * im + b * re
        }
      }
    }
}

function primeFactors(size: number): number[] {
  const factors: number[] = []
  for (let [p, left] = [2, size]; left > 1; p++) for (; left % p === 0; left /= p) factors.push(p)
  return factors
}
