#!/usr/bin/env bash
# transformers 5.18.0 and 5.24.0, on Python 3.11, torch 2.13.0 (CPU): ChineseCLIPModel.from_pretrained sets the row of the padding token in
# the word embeddings to zero, whatever the file says; all other rows are as stored. A model that is opened and saved again so differs from
# its own file in that row: a comparison of the two files shows a change that nobody trained.
# Seen (stored row of the padding token, the same row in the opened model, whether the next row is as stored):
#   5.18.0 [1.0, 1.0] [0.0, 0.0] True
#   5.24.0 [1.0, 1.0] [0.0, 0.0] True
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import torch, transformers
from safetensors.torch import load_file
from transformers import ChineseCLIPConfig, ChineseCLIPModel

transformers.logging.set_verbosity_error()
small = dict(hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4)
model = ChineseCLIPModel(ChineseCLIPConfig(text_config=dict(vocab_size=4, pad_token_id=0, **small),
                                           vision_config=dict(image_size=8, patch_size=4, **small), projection_dim=2))
with torch.no_grad():
    for weight in model.parameters():
        weight.fill_(1.0)
model.save_pretrained('model')
name = 'text_model.embeddings.word_embeddings.weight'
stored = load_file('model/model.safetensors')[name]
opened = ChineseCLIPModel.from_pretrained('model').state_dict()[name]
print(transformers.__version__, stored[0].tolist(), opened[0].tolist(), torch.equal(stored[1], opened[1]))
PY
for version in 5.18.0 5.24.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version" torch==2.13.0
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
