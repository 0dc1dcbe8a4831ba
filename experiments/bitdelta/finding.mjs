// Best multiplier, random magnitudes, magnitude blocks.
const SKILLS = ['math', 'code', 'instruct']
const MULTIPLIERS = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3]

export function finding({ mean, score, verdict, percent }) {
  const at = (task, label, multiplier) => mean({ task, label, multiplier }, 'score_edited')
  const best = (task) => MULTIPLIERS.reduce((a, b) => (at(task, 'mean', b) > at(task, 'mean', a) ? b : a))
  return [
    {
      head: [
        'task',
        'post',
        'BitDelta',
        'best multiplier',
        'its score',
        'normal',
        'uniform',
        '2 blocks',
        '4 blocks',
        '16 blocks',
      ],
      rows: SKILLS.map((task) => [
        task,
        percent(mean({ task }, 'score_post')),
        score({ task, label: 'mean', multiplier: 1 }),
        best(task),
        score({ task, label: 'mean', multiplier: best(task) }),
        ...['normal', 'uniform'].map((label) => score({ task, label, multiplier: 1 })),
        ...[2, 4, 16].map((blocks) => score({ task, label: 'blocks', blocks })),
      ]),
    },
    `m = 1 is the best of the multipliers tried: ${verdict(SKILLS.every((task) => best(task) === 1))}.`,
    `Random magnitudes are within ten points of the mean at m = 1: ${verdict(SKILLS.every((task) => ['normal', 'uniform'].every((label) => Math.abs(at(task, label, 1) - at(task, 'mean', 1)) < 0.1)))}.`,
    `16 blocks (4 magnitude bits) are within a point of the post-trained score: ${verdict(SKILLS.every((task) => mean({ task, label: 'blocks', blocks: 16 }, 'score_edited') > mean({ task }, 'score_post') - 0.01))}; ` +
      `2 blocks already: ${verdict(SKILLS.every((task) => mean({ task, label: 'blocks', blocks: 2 }, 'score_edited') > mean({ task }, 'score_post') - 0.01))}.`,
  ]
}
