#!/usr/bin/env bash
# mergekit 0.1.5 merges the statistics of batch norms (running_mean, running_var) like weights. They are states of a model and no
# parameters: a variance that gets a multiple of its deltas, or that a random mask takes part in, can be negative, and the model then
# gives NaN. mergekit-pytorch says nothing; the method, not the weights, decides whether it happens.
#
# Output seen with torch 2.13.0 on a CPU:
#   base [1.0, 0.25], models [0.5, 0.125] and [0.25, 0.5], weights 1 and 1
#   linear: [0.375, 0.3125]
#   task_arithmetic: [-0.25, 0.375]
#   torch.nn.functional.batch_norm with it: [nan, 1.633]
# Exits non-zero once the variance is not negative.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import subprocess
import sys
import torch
from safetensors.torch import load_file, save_file

variances = {"base": [1, 0.25], "one": [0.5, 0.125], "two": [0.25, 0.5]}
for name, values in variances.items():
    save_file({"bn.running_var": torch.tensor(values), "bn.weight": torch.ones(2)}, f"{name}.safetensors")
print(f"base {[float(x) for x in variances['base']]}, models {variances['one']} and {variances['two']}, weights 1 and 1")

def merge(method, base):
    with open("merge.yml", "w") as file:
        file.write(f"merge_method: {method}\nparameters: {{weight: 1}}\nmodels: [{{model: one.safetensors}}, {{model: two.safetensors}}]\n{base}")
    subprocess.run(["venv/bin/mergekit-pytorch", "merge.yml", f"{method}-out"], check=True, capture_output=True)
    merged = load_file(f"{method}-out/model.safetensors")["bn.running_var"]
    print(f"{method}: {merged.tolist()}")
    return merged

merge("linear", "")
variance = merge("task_arithmetic", "base_model: base.safetensors\n")
out = torch.nn.functional.batch_norm(torch.ones(1, 2), torch.zeros(2), variance)
print(f"torch.nn.functional.batch_norm with it: [{', '.join(f'{x:.5g}' for x in out[0].tolist())}]")
sys.exit(0 if variance.tolist() == [-0.25, 0.375] else 1)
PYTHON
