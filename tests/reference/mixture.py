"""Mixtures of Gaussians under noise: SciPy's log-density, its gradient by mpmath, and the posterior mean by NumPy.

p_t = sum_k w_k N(alpha m_k, alpha^2 C_k + sigma^2 1). The gradient is a central difference in 60 digits, so that no
formula for it is shared with the code under test; the posterior mean is the linear-Gaussian one (with a solve), not
Tweedie's.
"""

import json
import pathlib

import mpmath
import numpy as np
import scipy
from scipy.special import softmax
from scipy.stats import multivariate_normal

mpmath.mp.dps = 60
HERE = pathlib.Path(__file__).parent
LEVELS = [(1.0, 0.0), (0.8, 0.6), (0.05, 0.9987), (1.0, 0.01), (1.0, 50.0), (1.0, 80.0)]


def gradient(weights, means, covariances, x):
    """By central differences of the exact log-density; their error is 1e-30 of the third derivative."""
    k, d = means.shape
    inverses = [mpmath.inverse(mpmath.matrix(c.tolist())) for c in covariances]
    scales = [mpmath.mpf(w) / mpmath.sqrt(mpmath.det(mpmath.matrix(c.tolist()))) for w, c in zip(weights, covariances)]

    def log_density(point):
        total = mpmath.mpf(0)
        for scale, mean, inverse in zip(scales, means, inverses):
            away = mpmath.matrix([p - mpmath.mpf(m) for p, m in zip(point, mean)])
            total += scale * mpmath.exp(-(away.T * inverse * away)[0] / 2)
        return mpmath.log(total)

    h = mpmath.mpf(10) ** -15
    point = [mpmath.mpf(v) for v in x]
    result = []
    for i in range(d):
        above = [p + (h if j == i else 0) for j, p in enumerate(point)]
        below = [p - (h if j == i else 0) for j, p in enumerate(point)]
        result.append(float((log_density(above) - log_density(below)) / (2 * h)))
    return result


def case(name, weights, means, covariances, given, rng):
    weights, means, covariances = np.array(weights), np.array(means), np.array(covariances)
    d = means.shape[1]
    levels = []
    for alpha, sigma in LEVELS:
        moved = alpha * means
        wider = alpha**2 * covariances + sigma**2 * np.eye(d)
        # A few standard deviations around every component, and far from all.
        near = [rng.multivariate_normal(m, 2 * c) for m, c in zip(moved, wider)]
        x = np.round(np.array([*near, moved.mean(axis=0), np.full(d, 10.0 + 3 * sigma)]), 6)
        logs = np.stack([np.log(w) + multivariate_normal(m, c).logpdf(x) for w, m, c in zip(weights, moved, wider)])
        responsibilities = softmax(logs, axis=0)
        posterior = np.zeros_like(x)
        for r, mean, at, c, s in zip(responsibilities, means, moved, covariances, wider):
            posterior += r[:, None] * (mean + alpha * (c @ np.linalg.solve(s, (x - at).T)).T)
        levels.append({
            "alpha": alpha,
            "sigma": sigma,
            "x": x.tolist(),
            "log_density": scipy.special.logsumexp(logs, axis=0).tolist(),
            "score": [gradient(weights, moved, wider, row) for row in x],
            "posterior_mean": posterior.tolist(),
        })
    mean = weights @ means
    away = means - mean
    covariance = np.einsum("k,kij->ij", weights, covariances) + np.einsum("k,ki,kj->ij", weights, away, away)
    return {"name": name, "toml": given, "mean": mean.tolist(), "covariance": covariance.ravel().tolist(), "levels": levels}


def main():
    rng = np.random.default_rng(20_24)
    full = []
    for _ in range(3):
        root = rng.normal(size=(3, 3))
        full.append(np.round(root @ root.T + 0.05 * np.eye(3), 6))
    weights, means = [0.2, 0.5, 0.3], np.round(rng.normal(scale=2, size=(3, 3)), 6).tolist()
    text = f"weights = {weights}\nmeans = {means}\ncovariances = {[c.tolist() for c in full]}\n"
    cases = [case("full", weights, means, full, text, rng)]

    stds = [[0.5, 0.5], [0.2, 0.4]]
    text = (HERE / "mixture2d.toml").read_text()
    cases.append(case("diagonal", [0.6, 0.4], [[2.0, 0.0], [-2.0, 1.0]], [np.diag(np.square(s)) for s in stds], text, rng))

    text = "weights = [3, 1]\nmeans = [[0, 0, 0, 1.0, 2], [1, -1, 1, -1, 0.5]]\nstds = [1, 0.25]\n"
    eye = np.eye(5)
    cases.append(case("scalar", [0.75, 0.25], [[0.0, 0, 0, 1, 2], [1, -1, 1, -1, 0.5]], [eye, eye / 16], text, rng))

    versions = {"scipy": scipy.__version__, "numpy": np.__version__, "mpmath": mpmath.__version__}
    out = HERE / "mixture.json"
    out.write_text(json.dumps({"versions": versions, "cases": cases}) + "\n")


main()
