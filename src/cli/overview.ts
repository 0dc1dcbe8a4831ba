// The overview of the command line. A command is its file and its line here.

/** Every command with its sentence in the overview and in its help; src/cli/commands/<name>.ts is imported only when it is called. */
export const COMMANDS: readonly (readonly [name: string, describe: string])[] = [
  ['sweep', 'Run an experiment: one CSV row per run, tables and figures. Safe to interrupt: run it again to resume'],
  ['plan', 'List the runs of an experiment and estimate their cost, without touching weights'],
  ['table', 'Print the table of a results folder as Markdown, LaTeX or CSV'],
  ['plot', 'Draw the figures of a results folder as SVG and PNG'],
  ['inspect', 'Print statistics of the delta between two checkpoints, per tensor and per role'],
  ['edit', 'Edit the delta between two checkpoints and write the edited checkpoint'],
  ['extract', 'Write the delta between two checkpoints as a LoRA adapter that peft loads'],
  ['merge', "Merge checkpoints as a YAML file says (mergekit's or ours) and write the merged checkpoint"],
  ['information', 'Write Fisher diagonals or Gram matrices of a model, for the mergers fisher and regmean'],
  ['soup', 'Choose on held-out items which fine-tunes to average (greedy soup), and write the merge file'],
  ['route', 'Learn the router of a Twin-Merging, and write the merge file with the gates of a task'],
  ['eval', 'Print loss and score of a model on a task'],
  ['attribute', 'Show which tensors cause the loss change of one edit: Riemann terms, table and chart'],
  ['train', 'Train a model from a recipe. Safe to interrupt: run it again to resume'],
  ['zeroth', 'Tune a model without gradients (MeZO, FedKSeed) and store the delta as seeds and scalars'],
  ['rebuild', 'Write the checkpoint from a base and a delta of seeds and scalars'],
  ['calibrate', 'Find the q of DAREx, or train the scales of BitDelta, on items of a task'],
  ['random', 'Write a random model of any size, to try speed and memory'],
  ['editors', 'List the editors with their options and papers'],
  ['mergers', 'List the mergers with their options, conventions and papers'],
  ['tasks', 'List the tasks and metrics'],
  ['models', 'List the model architectures and the included checkpoints'],
  ['init', 'Start a project: an experiment, an editor of your own, its test and a notebook'],
  ['doctor', 'Show backend, versions, threads and memory, and what would make it faster'],
]
