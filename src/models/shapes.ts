// The tensors that a model reads, written down as its layers are declared.

export interface Shapes {
  shapes: Record<string, number[]>
  /** The matrices of attention and MLP layers. */
  linear: string[]
  /** Weights w of norms that multiply by 1 + w. */
  shifted: string[]
  /** Declares name.weight, and name.bias when there is one. */
  affine(name: string, weight: number[], bias: boolean): void
  /** The same for a matrix of an attention or MLP layer; `bias` has the last axis for a Conv1D, else the first. */
  matrix(name: string, weight: [number, number], bias?: boolean, conv1d?: boolean): void
  /** A batch of such matrices [count, out, in] in one tensor, which has no more to its name. */
  batch(name: string, shape: [number, number, number]): void
  /** Names that start like this. */
  under(prefix: string): string[]
}

export function declareShapes(): Shapes {
  const shapes: Record<string, number[]> = {}
  const linear: string[] = []
  const shifted: string[] = []
  const affine = (name: string, weight: number[], bias: boolean, axis = 0) => {
    shapes[`${name}.weight`] = weight
    if (bias) shapes[`${name}.bias`] = [weight[axis]!]
  }
  return {
    shapes,
    linear,
    shifted,
    affine,
    matrix(name, weight, bias = true, conv1d = false) {
      affine(name, weight, bias, conv1d ? 1 : 0)
      linear.push(`${name}.weight`)
    },
    batch(name, shape) {
      shapes[name] = shape
      linear.push(name)
    },
    under: (prefix) => Object.keys(shapes).filter((name) => name.startsWith(prefix)),
  }
}
