"""Fréchet distances between Gaussians by SciPy's matrix square root: writes frechet.json.

    python -m pip install numpy scipy && python tests/reference/frechet.py

The features are a hash of their indices, exact in float32, which src/eval/frechet.rs computes too.
"""

import json
import pathlib

import numpy
import scipy
from scipy.linalg import sqrtm


def features(seed, rows, d, power):
    i, j = numpy.arange(rows, dtype=object)[:, None], numpy.arange(d, dtype=object)[None, :]
    key = (i * 7919 + j * 104729 + seed * 1299709) % 1000003
    hashed = (key**3 % 1000003) >> 4
    scale = (numpy.arange(d) + 1).astype(numpy.float32) ** numpy.float32(power)
    return (hashed.astype(numpy.float32) / numpy.float32(65536) * scale).astype(numpy.float64)


def distance(x, y):
    """As in pytorch-fid's calculate_frechet_distance, without its regularisation."""
    a, b = numpy.cov(x, rowvar=False), numpy.cov(y, rowvar=False)
    difference = x.mean(0) - y.mean(0)
    root = sqrtm(a @ b)
    return float(difference @ difference + numpy.trace(a) + numpy.trace(b) - 2 * numpy.trace(root).real)


# (seeds, rows, d, power, tolerance). The last case's covariances are singular (fewer rows than features):
# there sqrtm itself is good to the square root of the rounding only.
cases = [
    ((1, 2), (40, 60), 5, 0, 1e-10),
    ((3, 4), (500, 300), 64, 0, 1e-10),
    ((5, 6), (200, 400), 16, 2, 1e-10),
    ((7, 8), (12, 10), 24, 1, 1e-5),
]
out = [
    {"seeds": seeds, "rows": rows, "d": d, "power": power, "tolerance": tolerance,
     "distance": distance(*(features(s, n, d, power) for s, n in zip(seeds, rows)))}
    for seeds, rows, d, power, tolerance in cases
]
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in out) + "\n]\n")
print(f"numpy {numpy.__version__}, scipy {scipy.__version__}: {path}")
