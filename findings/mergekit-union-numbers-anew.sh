#!/usr/bin/env bash
# mergekit 0.1.5: `tokenizer_source: union` numbers the tokens that it adds anew in each run. Their order is that of a hash map of
# tokenizers, which has its own random start: neither --random-seed nor PYTHONHASHSEED fixes it. Two merges of the same file are two
# models: what was tokenised, cached or trained for the one is another text for the other. Rows and tokens of one run do fit together.
#
# Two tiny Llamas; the second has six words that the first lacks. Seen (ids differ from run to run):
#   run 0: the same ids as run 0: True
#   run 1: the same ids as run 0: False
#   run 2: the same ids as run 0: False
# Exits non-zero once all three have the same ids.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

for name, words in (("a", ["red"]), ("b", ["cat", "dog", "bird", "fish", "horse", "cow"])):
    words = ["<unk>", "one", *words]
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)).save_pretrained(name)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(name)
PYTHON
cat > merge.yaml <<'YAML'
merge_method: linear
base_model: ./a
models:
  - {model: ./a, parameters: {weight: 1}}
  - {model: ./b, parameters: {weight: 1}}
tokenizer_source: union
YAML
for run in 0 1 2; do
  PYTHONHASHSEED=0 HF_HUB_OFFLINE=1 venv/bin/mergekit-yaml merge.yaml "out$run" --random-seed 7 --no-write-model-card >/dev/null 2>&1
done
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
from transformers import AutoTokenizer

ids = [AutoTokenizer.from_pretrained(f"out{run}").get_vocab() for run in range(3)]
for run in range(3):
    print(f"run {run}: the same ids as run 0:", ids[run] == ids[0])
sys.exit(ids[0] == ids[1] == ids[2])
PYTHON
