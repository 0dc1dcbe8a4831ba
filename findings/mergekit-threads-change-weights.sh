#!/usr/bin/env bash
# mergekit 0.1.5: the same file and the same --random-seed with another number of threads (-j, by default that of the machine) give
# other weights. Two runs with one number of threads give the same bytes, so the seed looks as if it fixed the result; on another
# machine it does not. The masks are the same. But a kept delta is rescaled to the L1 norm it had, and that norm is a sum in the format
# of the merge: in bfloat16 it has 8 bits, PyTorch adds in another order with other threads, and one unit in the last place of the sum
# is .4 to .8 % of every entry of the tensor.
#
# dare_linear of two small bfloat16 fine-tunes. Seen with torch 2.13.0 on a CPU:
#   -j 1 twice the same: True
#   -j 2 twice the same: True
#   -j 1 and -j 2 the same: False
#   tensors that differ: 4 of 12, in 24 to 41 % of their entries
# Exits non-zero once all are the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import torch
from transformers import LlamaConfig, LlamaForCausalLM

for name, seed in (("base", 0), ("a", 1), ("b", 2)):
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=1024, intermediate_size=1024, num_hidden_layers=1, num_attention_heads=8)).to(torch.bfloat16)
    torch.manual_seed(seed)
    if seed:
        for weight in model.parameters():
            weight.data.add_(torch.randn_like(weight) * 0.01)
    model.save_pretrained(name)
PYTHON
cat > merge.yaml <<'YAML'
merge_method: dare_linear
base_model: ./base
models:
  - {model: ./a, parameters: {weight: 0.5, density: 0.5}}
  - {model: ./b, parameters: {weight: 0.5, density: 0.5}}
dtype: bfloat16
YAML
for threads in 1 2; do
  for run in 0 1; do
    HF_HUB_OFFLINE=1 venv/bin/mergekit-yaml merge.yaml "out$threads$run" --random-seed 7 -j "$threads" --no-copy-tokenizer --no-write-model-card >/dev/null 2>&1
  done
done
same() { cmp -s "out$1/model.safetensors" "out$2/model.safetensors" && echo True || echo False; }
echo "-j 1 twice the same: $(same 10 11)"
echo "-j 2 twice the same: $(same 20 21)"
echo "-j 1 and -j 2 the same: $(same 10 20)"
venv/bin/python - <<'PYTHON'
from safetensors.torch import load_file

one, two = (load_file(f"out{run}/model.safetensors") for run in (10, 20))
shares = [share for name in one if (share := (one[name] != two[name]).float().mean().item())]
print(f"tensors that differ: {len(shares)} of {len(one)}, in {100 * min(shares, default=0):.0f} to {100 * max(shares, default=0):.0f} % of their entries")
PYTHON
test "$(same 10 20)" = False
