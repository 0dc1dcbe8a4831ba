#!/usr/bin/env bash
# rxnfp 0.1.0 with transformers 5.18.0 against 4.57.6, on Python 3.11: the tokens of a reaction.
# rxnfp asks for transformers>=4.5.0, so pip gives it version 5. Its SmilesTokenizer is a BertTokenizer with a `_tokenize` of its own and
# `vocab_file` by name, as many tokenizers of chemistry and biology are. In version 5 BertTokenizer is a tokenizers model: it takes `vocab`,
# reads no `vocab_file` that stands among the further keywords, and never calls `_tokenize`. No error, no warning: the vocabulary has the
# five special tokens, and every reaction becomes a row of [UNK] whose length is all that is left of it. Fingerprints, classes and
# everything trained on them are then those of lengths.
# Seen (version, size of the vocabulary, ids of two reactions that are not the same):
#   4.57.6 591 [12, 16, 16, 19, 29, 16, 16, 22, 19, 13] [12, 16, 16, 23, 29, 16, 16, 22, 23, 13]
#   5.18.0 5 [2, 1, 1, 1, 1, 1, 1, 3] [2, 1, 1, 1, 1, 1, 1, 3]
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import importlib.util, sys, types
import transformers

# The module of the tokenizer alone: rdkit, which it imports for another purpose, is not installed here.
for name in ('rdkit', 'pkg_resources'):
    sys.modules[name] = types.ModuleType(name)
sys.modules['rdkit'].Chem = None
spec = importlib.util.spec_from_file_location('tokenization', 'rxnfp/rxnfp/tokenization.py')
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
tokenizer = module.SmilesTokenizer('rxnfp/rxnfp/models/transformers/bert_ft/vocab.txt')
print(transformers.__version__, len(tokenizer), *(tokenizer(text)['input_ids'] for text in ('CCO>>CC=O', 'CCN>>CC=N')))
PY
for version in 4.57.6 5.18.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  [ -d rxnfp ] || "venv$version/bin/pip" install -q --no-deps --target rxnfp rxnfp==0.1.0
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
