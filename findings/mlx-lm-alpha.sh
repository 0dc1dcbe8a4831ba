#!/usr/bin/env bash
# mlx-lm 0.15 dropped alpha: a LoRA adapter that 0.14 trained is applied with another factor by every later version, silently.
# Up to 0.14 the factor of B·A is scale × alpha / rank, from 0.15 on scale. The names of the tensors stayed, and configurations with
# alpha are still accepted, so that with 0.14's own defaults (rank 8, alpha 16, scale 10) half of the change is gone.
#
# Each version makes the layer from the same configuration and fuses it: the change of a weight where (B·A) is 1. Output seen with mlx 0.32.4 on a CPU:
#   mlx-lm 0.14.0: 20
#   mlx-lm 0.15.0: 10
#   mlx-lm 0.32.2: 10
# Exits non-zero once the oldest and the newest agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
venv/bin/pip install --quiet 'mlx[cpu]==0.32.4' numpy==2.2.6
for version in 0.14.0 0.15.0 0.32.2; do venv/bin/pip install --quiet --no-deps --target "$version" "mlx-lm==$version"; done
cat > factor.py <<'PYTHON'
import sys
import types
import mlx.core as mx
import mlx.nn as nn

# Only the modules of adapters are imported: the package itself wants transformers.
for name in ("mlx_lm", "mlx_lm.tuner", "mlx_lm.models"):
    module = types.ModuleType(name)
    module.__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
    sys.modules[name] = module
for name, members in (("mlx_lm.utils", ["get_total_parameters"]), ("mlx_lm.cli_ui", ["rprint"])):
    sys.modules[name] = types.ModuleType(name)
    for member in members:
        setattr(sys.modules[name], member, print)
from mlx_lm.tuner import utils


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = {"q_proj": nn.Linear(4, 4, bias=False)}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.model_type = "llama"
        self.layers = [Layer()]


model = Model()
before = model.layers[0].self_attn["q_proj"].weight
utils.linear_to_lora_layers(model, 1, {"rank": 8, "alpha": 16, "scale": 10.0, "dropout": 0.0, "keys": ["self_attn.q_proj"]})
layer = model.layers[0].self_attn["q_proj"]
layer.lora_a, layer.lora_b = mx.full(layer.lora_a.shape, 1 / 8), mx.ones(layer.lora_b.shape)
fused = layer.fuse() if hasattr(layer, "fuse") else layer.to_linear()
print(round((fused.weight - before)[0, 0].item(), 3))
PYTHON
declare -A factor
for version in 0.14.0 0.15.0 0.32.2; do
  factor[$version]=$(venv/bin/python factor.py "$version" 2>/dev/null)
  echo "mlx-lm $version: ${factor[$version]%.*}"
done
[ "${factor[0.14.0]}" != "${factor[0.32.2]}" ]
