#!/usr/bin/env bash
# sympy 1.14.0 with antlr4-python3-runtime 4.11.0 (the pair that lm-evaluation-harness asks for to judge MATH answers).
# parse_latex reads the longest formula at the beginning of a text and passes over what follows it, silently: a pair is
# its first part, an unmatched bracket is nothing, and a half-written sum is the half that is there. So an equivalence check
# built on it holds "3,4" and "3" equal. (A text that begins with a bracket, like (3,4), is refused.) Also: \pi is a letter, not
# the number, and \log is the natural logarithm.
# Seen:
#   3,4 -> 3 | 5) -> 5 | 2x+ -> 2*x | x. -> x | sin(pi) stays sin(pi) | log(2) - ln(2) = 0
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q sympy==1.14.0 antlr4-python3-runtime==4.11.0
venv/bin/python - <<'PY'
import sympy
from sympy.parsing.latex import parse_latex
found = {text: str(parse_latex(text).doit()) for text in ('3,4', '5)', '2x+', 'x.', r'\sin\pi')}
print(found)
assert found == {'3,4': '3', '5)': '5', '2x+': '2*x', 'x.': 'x', r'\sin\pi': 'sin(pi)'}, found
assert sympy.simplify(parse_latex('3,4') - parse_latex('3')) == 0
assert sympy.simplify(parse_latex(r'\sin\pi')) != 0
assert sympy.simplify(parse_latex(r'\log 2') - parse_latex(r'\ln 2')) == 0
try: parse_latex('(3,4)')
except Exception as error: print('(3,4):', type(error).__name__)
else: raise AssertionError('(3,4) is read')
PY
