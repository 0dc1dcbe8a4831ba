#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 on x64 (Python 3.11): a subnormal float32 is a number for some operations and zero for others, also for the same
# operation on tensors of other lengths. tf.sign of one entry of 1e-40 is 0; of a thousand such entries it is 1e-40: neither -1 nor 0 nor 1.
# tf.reduce_max keeps the value of one entry and gives 0 for a thousand. Sums, products, casts to float64 and comparisons take it for 0;
# abs, negation, identity and top_k keep it. numpy computes with it. There is no switch. So a mask, a sign or a threshold that is taken of
# small deltas by TensorFlow differs from that of other libraries, and depends on how many entries are looked at together.
# Seen: sign of 1: [0.0], of 1000: [9.99994610111476e-41]; greatest of 1: 9.99994610111476e-41, of 1000: 0.0;
#       above 0: False; times 2: 0.0; as float64: 0.0; abs and top_k: 9.99994610111476e-41
# Exits non-zero once this changes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q tensorflow-cpu==2.21.0 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python - 2>/dev/null <<'PY'
import numpy as np
import tensorflow as tf

small = np.float32(1e-40)
one, many = (tf.constant(np.full(n, small)) for n in (1, 1000))
signs = [np.unique(tf.sign(x).numpy()).tolist() for x in (one, many)]
print('sign of 1:', signs[0], 'of 1000:', signs[1])
assert signs == [[0.0], [float(small)]] and np.sign(small) == 1
greatest = [float(tf.reduce_max(x)) for x in (one, many)]
print('greatest of 1:', greatest[0], 'of 1000:', greatest[1])
assert greatest == [float(small), 0.0]
for x in (one, many):
    print('above 0:', bool(tf.reduce_any(x > 0)), 'times 2:', float((x * 2.0)[0]), 'as float64:', float(tf.cast(x, tf.float64)[0]))
    assert not tf.reduce_any(x > 0) and not np.any((x * 2.0).numpy()) and not np.any(tf.cast(x, tf.float64).numpy())
    for kept in (tf.abs(x), tf.identity(x), tf.math.top_k(x, 1).values):
        assert np.all(kept.numpy() == small)
PY
