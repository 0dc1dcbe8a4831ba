#!/usr/bin/env bash
# transformers 5.24.0 (4.57.6 does the same), on Python 3.11, torch 2.13.0 (CPU): Falcon with ALiBi (falcon-rw) adds the biases of ALiBi once
# under `sdpa`, the default, and twice under `eager`: they are in the mask that every layer gets, and the eager layers add them to the
# scores again. The two settings of one checkpoint so give different logits and losses; `eager` is what a run gets that asks for attention
# weights to be shown, or for second derivatives. Without ALiBi the two agree.
# Seen (largest difference of the logits; eager against sdpa; eager against sdpa with slopes twice as steep):
#   without ALiBi: eager is sdpa
#   with ALiBi: eager is not sdpa
#   with ALiBi, slopes doubled under sdpa: eager is sdpa
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q transformers==5.24.0 torch==2.13.0
cat > try.py <<'PY'
import torch, transformers
from transformers import FalconConfig, FalconForCausalLM
from transformers.models.falcon import modeling_falcon

transformers.logging.set_verbosity_error()
build = modeling_falcon.build_alibi_tensor
ids = torch.arange(24)[None]


def logits(alibi, attention, factor=1):
    modeling_falcon.build_alibi_tensor = lambda *given, **more: factor * build(*given, **more)
    config = FalconConfig(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=alibi, multi_query=False,
                          parallel_attn=False, bias=True, initializer_range=0.3)
    torch.manual_seed(0)
    model = FalconForCausalLM._from_config(config, attn_implementation=attention).eval()
    with torch.no_grad(): return model(ids).logits


def compare(what, first, second):
    print(f"{what}: eager is {'' if (first - second).abs().max() < 1e-4 else 'not '}sdpa")


compare('without ALiBi', logits(False, 'eager'), logits(False, 'sdpa'))
compare('with ALiBi', logits(True, 'eager'), logits(True, 'sdpa'))
compare('with ALiBi, slopes doubled under sdpa', logits(True, 'eager'), logits(True, 'sdpa', 2))
PY
venv/bin/python try.py 2>/dev/null | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
