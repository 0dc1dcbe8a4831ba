// The overview of the command line. A command is its file and its line here.

/** Every command with the sentence of the overview; src/cli/commands/<name>.ts is imported only when its command is called. */
export const COMMANDS: readonly (readonly [name: string, describe: string])[] = [
  ['sweep', 'Run the experiment of a YAML file: one row per run, a table and a figure'],
  ['plan', 'List the runs of a YAML file, and what they download, read and compute; no weights'],
  ['table', 'Print the table of a results folder as Markdown, LaTeX or CSV'],
  ['plot', 'Draw the figures of a results folder as SVG and PNG'],
  ['inspect', 'Statistics of the delta between two checkpoints, per tensor and per role'],
  ['edit', 'Edit the delta between two checkpoints and write the edited checkpoint'],
  ['extract', 'Write the delta between two checkpoints as a LoRA adapter that peft loads'],
  ['merge', "Merge checkpoints as a YAML file says (mergekit's, or our own) and write the merged checkpoint"],
  ['information', 'Fisher diagonals or Gram matrices of a model on a task, for the mergers fisher and regmean'],
  ['soup', 'Choose on held-out items which fine-tunes to average (greedy soup) and write the merge file'],
  ['route', 'Learn which fine-tune of a twin merge a prompt is for, and write the merge file with the gates of a task'],
  ['eval', 'Loss and score of a model on a task'],
  ['attribute', 'Which tensors cause the loss change of one edit: Riemann terms, table and chart'],
  ['train', 'Train a model from a YAML file'],
  [
    'zeroth',
    'Tune a model without gradients (MeZO, FedKSeed) and store the delta as seeds and scalars; stopped at any moment, the same command goes on',
  ],
  ['rebuild', 'Write the checkpoint that a base and a delta of seeds and scalars make'],
  ['calibrate', "Find on a task's items the q of DAREx, or distil the scales of BitDelta"],
  ['random', 'Write a random model of any size, or one near another: for trying speed and memory'],
  ['editors', 'List the editors with their options and papers'],
  ['mergers', 'List the mergers with their options, conventions and papers'],
  ['tasks', 'List the tasks with their metrics'],
  ['models', 'List the model architectures and the checkpoints that ship with the package'],
  ['doctor', 'Backend, versions, threads and memory, and what would make it faster'],
]
