#!/usr/bin/env bash
# transformers 5.18.0 against 4.57.6, on Python 3.11: AutoTokenizer and a tokenizer.json that it is given.
# Version 4 uses tokenizer.json as it is, and so gives the ids of the `tokenizers` library. Version 5 takes only the vocabulary,
# the merges and the post-processor where tokenizer_config.json names a class with parts of its own, and puts in the
# normalizer and pre-tokenizer of that class, silently. So Llama 2's files (whose normalizer puts U+2581 in front of every
# text) lose one space at the beginning of a text that starts with one: " x" and "x" are the same ids. And a tokenizer of the class
# RobertaTokenizer that splits at other places than GPT-2's falls apart into letters. "PreTrainedTokenizerFast" keeps the file.
# Seen (ids of the library; of AutoTokenizer):
#   4.57.6 LlamaTokenizer          [3, 3, 4] [3, 3, 4]
#   4.57.6 RobertaTokenizer        [5] [5]
#   4.57.6 PreTrainedTokenizerFast [5] [5]
#   5.18.0 LlamaTokenizer          [3, 3, 4] [3, 4]
#   5.18.0 RobertaTokenizer        [5] [4, 8, 9]
#   5.18.0 PreTrainedTokenizerFast [5] [5]
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import json, os, warnings
import transformers
from tokenizers import Tokenizer
from transformers import AutoTokenizer

def ids(name, vocab, text, **parts):
    spec = dict(version='1.0', truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None) | parts
    spec['model'] = dict(type='BPE', dropout=None, unk_token='<unk>', continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=True, byte_fallback=False, ignore_merges=True, vocab=vocab, merges=[])
    os.makedirs(name, exist_ok=True)
    json.dump(spec, open(f'{name}/tokenizer.json', 'w'))
    json.dump({'tokenizer_class': name, 'unk_token': '<unk>', 'bos_token': '<s>', 'eos_token': '</s>'}, open(f'{name}/tokenizer_config.json', 'w'))
    right = Tokenizer.from_file(f'{name}/tokenizer.json').encode(text, add_special_tokens=False).ids
    found = AutoTokenizer.from_pretrained(f'./{name}')(text, add_special_tokens=False)['input_ids']
    print(f'{transformers.__version__} {name:23s} {right} {found}')

transformers.logging.set_verbosity_error()
front = {'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': '▁'}, {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'}]}
level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': False}
code = {'type': 'Sequence', 'pretokenizers': [{'type': 'Split', 'pattern': {'Regex': r'f\(\)|.'}, 'behavior': 'Isolated', 'invert': False}, level]}
ids('LlamaTokenizer', {'<unk>': 0, '<s>': 1, '</s>': 2, '▁': 3, 'x': 4}, ' x', normalizer=front)
for name in ('RobertaTokenizer', 'PreTrainedTokenizerFast'):
    ids(name, {'<unk>': 0, '<s>': 1, '</s>': 2, '<pad>': 6, '<mask>': 7, 'f': 4, 'f()': 5, '(': 8, ')': 9}, 'f()', pre_tokenizer=code)
PY
for version in 4.57.6 5.18.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
