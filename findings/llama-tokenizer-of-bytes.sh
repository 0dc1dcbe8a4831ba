#!/usr/bin/env bash
# transformers 5.18.0 against 4.57.6 and 5.24.0, on Python 3.11: a byte-level tokenizer.json whose tokenizer_config.json says
# LlamaTokenizerFast, as DeepSeek LLM, DeepSeek Coder and R1-Distill-Llama are published. Version 5.18 takes vocabulary and merges from
# tokenizer.json and puts the sentencepiece pre-tokenizer and decoder of the class in place of the file's: spaces are written as U+2581,
# which the vocabulary does not have, and get lost, without a word. Scores fall for no visible reason. PreTrainedTokenizerFast, and
# 5.24 again, go by the file.
# Seen (class, ids of "a b", decoded; b behind a space is 4):
#   4.57.6 LlamaTokenizerFast [1, 4] 'a b'
#   4.57.6 PreTrainedTokenizerFast [1, 4] 'a b'
#   5.18.0 LlamaTokenizerFast [1, 3] 'ab'
#   5.18.0 PreTrainedTokenizerFast [1, 4] 'a b'
#   5.24.0 LlamaTokenizerFast [1, 4] 'a b'
#   5.24.0 PreTrainedTokenizerFast [1, 4] 'a b'
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import json, os
import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()
level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
model = dict(type='BPE', dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=False,
             vocab={'<s>': 0, 'a': 1, 'Ġ': 2, 'b': 3, 'Ġb': 4}, merges=[['Ġ', 'b']])
spec = dict(version='1.0', truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=level, post_processor=None, decoder=level, model=model)
for name in ('LlamaTokenizerFast', 'PreTrainedTokenizerFast'):
    os.makedirs('model', exist_ok=True)
    json.dump(spec, open('model/tokenizer.json', 'w'))
    json.dump({'model_type': 'llama'}, open('model/config.json', 'w'))
    json.dump({'tokenizer_class': name, 'bos_token': '<s>', 'eos_token': '<s>', 'unk_token': None}, open('model/tokenizer_config.json', 'w'))
    tokenizer = AutoTokenizer.from_pretrained('./model')
    ids = tokenizer('a b', add_special_tokens=False)['input_ids']
    print(transformers.__version__, name, ids, repr(tokenizer.decode(ids)))
PY
for version in 4.57.6 5.18.0 5.24.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
