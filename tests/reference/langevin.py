"""Writes langevin.json: acceptance probabilities of MALA and Hamiltonian Monte Carlo by quadrature, and NCSNv2's
techniques 2 and 4 by root finding and minimisation, all in float64 by SciPy.

    python3 tests/reference/langevin.py

The file holds the versions that wrote it. See README.md beside this file.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

# 0.6 N(1, 0.3^2) + 0.4 N(-1, 0.2^2), and the standard normal.
DENSITIES = {"normal": [(1.0, 0.0, 1.0)], "mixture": [(0.6, 1.0, 0.3), (0.4, -1.0, 0.2)]}


def log_density(x, parts):
    return np.logaddexp.reduce([np.log(w) + norm.logpdf(x, m, s) for w, m, s in parts], axis=0)


def score(x, parts):
    terms = np.array([np.log(w) + norm.logpdf(x, m, s) for w, m, s in parts])
    shares = np.exp(terms - np.logaddexp.reduce(terms, axis=0))
    return sum(share * (m - x) / s**2 for share, (_, m, s) in zip(shares, parts))


def mala(x, z, step, parts):
    """Acceptance of y = x + e s(x) + sqrt(2e) z by the densities of both proposals."""
    drift = lambda a: a + step * score(a, parts)
    y = drift(x) + np.sqrt(2 * step) * z
    proposal = lambda b, a: norm.logpdf(b, drift(a), np.sqrt(2 * step))
    there, back = proposal(y, x), proposal(x, y)
    return np.exp(np.minimum(0, log_density(y, parts) + back - log_density(x, parts) - there))


def hmc(x, z, step, leaps, parts):
    """Acceptance after `leaps` leapfrog steps, as drift-less kick, drift, kick each."""
    q, p = x, z
    for _ in range(leaps):
        p = p + 0.5 * step * score(q, parts)
        q = q + step * p
        p = p + 0.5 * step * score(q, parts)
    energy = lambda q, p: 0.5 * p**2 - log_density(q, parts)
    return np.exp(np.minimum(0, energy(x, z) - energy(q, p)))


def over_momentum(f, n=200_001):
    """E f(z), z ~ N(0, 1), by the trapezoidal rule on [-9, 9]: kinks cost O(n^-2)."""
    z = np.linspace(-9, 9, n)
    return float(np.trapezoid(f(z) * norm.pdf(z), z))


def stationary(f, parts, n=4001):
    """E f(x, z), x from the density, z ~ N(0, 1): the same rule in two dimensions."""
    z = np.linspace(-8, 8, n)[None, :]
    total = 0.0
    for w, m, s in parts:
        u = np.linspace(-8, 8, n)
        inner = np.array([np.trapezoid(f(m + s * a, z[0]) * norm.pdf(z[0]), z[0]) for a in u])
        total += w * np.trapezoid(inner * norm.pdf(u), u)
    return float(total)


def moves():
    rows = []
    for name, parts in DENSITIES.items():
        scale = min(s for _, _, s in parts)
        for kind, step, leaps in [("mala", 0.5, 1), ("mala", 1.4, 1), ("hmc", 0.7, 3), ("hmc", 1.3, 5)]:
            step = step * (scale**2 if kind == "mala" else scale)
            if kind == "mala":
                accept = lambda x, z: mala(x, z, step, parts)
            else:
                accept = lambda x, z: hmc(x, z, step, leaps, parts)
            row = {"density": name, "kind": kind, "step_size": step, "leapfrog_steps": leaps}
            row["starts"] = [[x, over_momentum(lambda z: accept(x, z))] for x in (-1.3, 0.4, 2.5)]
            row["stationary"] = stationary(accept, parts)
            rows.append(row)
    return rows


def coverage(gamma, dim):
    shift = np.sqrt(2 * dim) * (gamma - 1)
    return norm.cdf(shift + 3 * gamma) - norm.cdf(shift - 3 * gamma)


def deviation2(rate, gamma, steps):
    end = 2 * rate / (1 - (1 - rate) ** 2)
    return (1 - rate) ** (2 * steps) * (gamma**2 - end) + end


def best_step(gamma, steps):
    f = lambda u: deviation2(np.exp(u), gamma, steps)
    return float(np.exp(minimize_scalar(f, bounds=(-14, -1e-6), method="bounded", options={"xatol": 1e-12}).x))


def main():
    ratios = [
        {"dim": d, "coverage": c, "gamma": brentq(lambda g: coverage(g, d) - c, 1 + 1e-9, 1000, xtol=1e-15)}
        for d, c in [(5, 0.567), (20, 0.567), (784, 0.567), (784, 0.5), (3072, 0.5), (3072, 0.567), (196608, 0.567)]
    ]
    steps = [
        {"gamma": g, "steps": t, "rate": best_step(g, t), "deviation2": deviation2(best_step(g, t), g, t)}
        for g, t in [(1.0045, 3), (1.0376, 5), (1.0774, 8), (1.668, 100), (3.0, 1), (50.0, 5), (5000.0, 5)]
    ]
    out = {"versions": {p: version(p) for p in ("numpy", "scipy")}, "moves": moves(), "ratios": ratios, "steps": steps}
    Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")


main()
