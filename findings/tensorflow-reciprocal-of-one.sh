#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 on x64 with AVX-512 (Python 3.11): tf.math.reciprocal of 1 is 0.99999994 where it is computed in vectors, and 1 in the
# entries that are left over, so the same number has two reciprocals in one tensor. 1 / x is exact. tf.nn.softmax multiplies by that
# reciprocal: without oneDNN (TF_ENABLE_ONEDNN_OPTS=0, the C library's Softmax, builds for other processors) a row where one entry has all
# the weight sums to 0.99999994 from 8 rows on, and not below 8. Its gradient, p·(dy − Σ dy·p), is then not 0 but 6e-8 of dy: with large keys and
# queries behind it (strong edits, saturated attention) this is all of the gradient. With oneDNN, Python's default on x64, it is 0.
# tf.math.rsqrt, by which norms divide, is rounded down, too: rsqrt(1) is 0.9999999.
# Seen: reciprocal of 17 ones: 16 times 0.99999994, once 1.0; 1 / x: 1.0; rsqrt: 0.9999999
#       oneDNN 0: share of 7 rows: 1.0, of 8 rows: 0.99999994, gradient 0.0625; oneDNN 1: 1.0, 1.0, 0.0
# Exits non-zero once this changes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q tensorflow-cpu==2.21.0 numpy==2.4.6
cat > seen.py <<'PY'
import os
import numpy as np
import tensorflow as tf

ones = tf.ones(17)
lanes = tf.math.reciprocal(ones).numpy()
down = np.nextafter(np.float32(1), np.float32(0))
print('reciprocal of 17 ones:', lanes.tolist(), '1 / x:', float((1 / ones)[0]), 'rsqrt:', tf.math.rsqrt(ones).numpy()[0])
assert (lanes[:16] == down).all() and lanes[16] == 1 and ((1 / ones).numpy() == 1).all() and tf.math.rsqrt(ones).numpy()[0] < 1

def rows(count):
    scores = np.full((count, 5), -1e9, np.float32)
    scores[:, 1] = 1e9
    return tf.constant(scores)

def slope(scores):
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = tf.reduce_sum(tf.nn.softmax(scores) * np.float32(1e6))
    return float(tape.gradient(value, scores)[0, 1])

few, many = (tf.nn.softmax(rows(count)).numpy()[0, 1] for count in (7, 8))
one_dnn = os.environ['TF_ENABLE_ONEDNN_OPTS']
print('oneDNN', one_dnn, 'share of 7 rows:', few, 'of 8 rows:', many, 'gradient:', slope(rows(8)))
assert few == 1 and many == (1 if one_dnn == '1' else down)
assert (slope(rows(8)) == 0) == (one_dnn == '1')
PY
for one_dnn in 0 1; do TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=$one_dnn venv/bin/python seen.py 2>/dev/null; done
