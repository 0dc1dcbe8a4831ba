#!/usr/bin/env bash
# transformers 5.18.0 against 4.57.6, on Python 3.11: `add_bos_token` and `add_eos_token` of tokenizer_config.json.
# From version 5 they have no effect if there is a tokenizer.json: from_pretrained drops them as they are read, whatever the class.
# Version 4 obeys them for LlamaTokenizer (which adds a begin-of-text token where nothing is said), and not for
# PreTrainedTokenizerFast. A folder whose tokenizer.json has no post-processor of its own, as old trainers wrote it, therefore loses its
# begin-of-text token with the newer version, and its scores change without a word.
# Seen (class, add_bos_token, ids of "x"; <s> is 1):
#   4.57.6 LlamaTokenizer None [1, 3]
#   4.57.6 LlamaTokenizer True [1, 3]
#   4.57.6 LlamaTokenizer False [3]
#   4.57.6 PreTrainedTokenizerFast True [3]
#   5.18.0 LlamaTokenizer None [3]
#   5.18.0 LlamaTokenizer True [3]
#   5.18.0 LlamaTokenizer False [3]
#   5.18.0 PreTrainedTokenizerFast True [3]
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import json, os
import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()
model = dict(type='BPE', dropout=None, unk_token='<unk>', continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=True, byte_fallback=False, ignore_merges=True,
             vocab={'<unk>': 0, '<s>': 1, '</s>': 2, '▁x': 3, '▁': 4, 'x': 5}, merges=[['▁', 'x']])
level = {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': False}
spec = dict(version='1.0', truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=level, post_processor=None, decoder=level, model=model)
for name, add in (('LlamaTokenizer', None), ('LlamaTokenizer', True), ('LlamaTokenizer', False), ('PreTrainedTokenizerFast', True)):
    os.makedirs('model', exist_ok=True)
    json.dump(spec, open('model/tokenizer.json', 'w'))
    config = {'tokenizer_class': name, 'unk_token': '<unk>', 'bos_token': '<s>', 'eos_token': '</s>'} | ({} if add is None else {'add_bos_token': add})
    json.dump(config, open('model/tokenizer_config.json', 'w'))
    print(transformers.__version__, name, add, AutoTokenizer.from_pretrained('./model')('x')['input_ids'])
PY
for version in 4.57.6 5.18.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
