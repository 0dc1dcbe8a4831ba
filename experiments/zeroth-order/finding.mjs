// How far forward passes alone come, and in how many bytes the delta is.
export function finding({ recipe, results }) {
  const percent = (x) => `${(100 * x).toFixed(1)} %`
  const verdict = (holds) => (holds ? '**holds**' : '**does not hold**')
  const [parameters] = results.map((result) => result.parameters)
  const run = (method) => ({
    ...recipe.runs.find((each) => each.method === method),
    ...results.find((each) => each.method === method),
  })
  const [mezo, fedkseed] = [run('mezo'), run('fedkseed')]
  const told = (r) => [
    `${r.loss_before.toFixed(2)} → ${r.loss_after.toFixed(2)}`,
    `${percent(r.score_before)} → ${percent(r.score_after)}`,
    r.bytes,
  ]
  return [
    {
      head: ['method', 'steps', 'held-out loss, nats per token', 'score', 'bytes of the delta'],
      rows: [
        ['MeZO', mezo.steps, ...told(mezo)],
        ['FedKSeed', fedkseed.rounds * fedkseed.participants * fedkseed.local_steps, ...told(fedkseed)],
      ],
    },
    `Scores are of ${recipe.held_out} items. FedKSeed made ${fedkseed.rounds} rounds with ${fedkseed.participants} of ${fedkseed.clients} clients and used ${fedkseed.used} of its ${fedkseed.pool} directions.`,
    `Forward passes alone bring more than half of the score of a fine-tune: MeZO ${verdict(mezo.score_after > 0.5)}, FedKSeed ${verdict(fedkseed.score_after > 0.5)}.`,
    `A delta of ${fedkseed.pool} scalars is under 18 KB: ${verdict(fedkseed.bytes < 18_000)} (the delta of ${parameters} parameters in 16 bits is ${((2 * parameters) / 1e6).toFixed(1)} MB).`,
    `Both deltas rebuild the trainer's weights bit for bit: ${verdict(results.every((each) => each.rebuilt_exactly))}.`,
  ]
}
