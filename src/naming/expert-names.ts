// What the matrices of an expert are called where files hold the experts one by one, and where they lie together.

/** The parts of a fused tensor of transformers 5, in their order (gate before up): their own names, and those of Mixtral. */
export const EXPERT_PARTS = {
  gate_up_proj: [
    ['gate_proj', 'up_proj'],
    ['w1', 'w3'],
  ],
  down_proj: [['down_proj'], ['w2']],
  // Of Nemotron-H, whose experts have no gate.
  up_proj: [['up_proj']],
} as const

/** All names of each part of a fused tensor, as a regular expression: `gate_proj|w1`, `up_proj|w3`. None for another tensor. */
export function expertParts(fused: string): string[] {
  const spellings: readonly (readonly string[])[] = Object.hasOwn(EXPERT_PARTS, fused)
    ? EXPERT_PARTS[fused as keyof typeof EXPERT_PARTS]
    : []
  return (spellings[0] ?? []).map((_, part) => spellings.map((names) => names[part]).join('|'))
}

/** All names of the part that has this one. */
export const sameExpertPart = (name: string): string =>
  Object.keys(EXPERT_PARTS)
    .flatMap(expertParts)
    .find((names) => names.split('|').includes(name)) ?? name
