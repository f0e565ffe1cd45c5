"""Writes flow.json: the probability flow of a two-dimensional mixture by SciPy's adaptive solvers.

The flow is integrated as score_sde does it, x against t (VP, beta from 0.1 to 20), in float64:

- `rk45`: solve_ivp(method="RK45") from one point at t = 1 to 1e-3, at several tolerances (rtol = atol): evaluations,
  accepted steps, and where it ends;
- `samples`: eight points at t = 1 and where they end at t = 1e-3, by DOP853 at 1e-13; the evaluations and the root mean
  square error of RK45 for all eight as one system;
- `likelihood`: log p of four points at t = 1e-5 with the divergence integrated beside them, by DOP853 at 1e-12 and by
  RK45, all four as one system.

    python3 tests/reference/flow.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.integrate import solve_ivp

BETA_MIN, BETA_MAX = 0.1, 20.0
WEIGHTS = np.array([0.6, 0.4])
MEANS = np.array([[2.0, 0.0], [-2.0, 1.0]])
STDS = np.array([[0.5, 0.5], [0.2, 0.4]])
TOLERANCES = [1e-3, 1e-4, 1e-5, 1e-6, 1e-8]


def parts(x, t):
    """Offsets from the means, variances, and each part's share in the density; x is [n, 2]."""
    log_alpha = -0.25 * t * t * (BETA_MAX - BETA_MIN) - 0.5 * t * BETA_MIN
    alpha, variance = np.exp(log_alpha), -np.expm1(2 * log_alpha)
    v = alpha**2 * STDS**2 + variance
    offset = x[:, None] - alpha * MEANS
    logs = np.log(WEIGHTS) - 0.5 * (offset**2 / v + np.log(2 * np.pi * v)).sum(-1)
    largest = logs.max(1, keepdims=True)
    share = np.exp(logs - largest)
    total = share.sum(1, keepdims=True)
    return offset, v, share / total, (largest + np.log(total))[:, 0]


def score(x, t):
    offset, v, share, _ = parts(x, t)
    return -(share[..., None] * offset / v).sum(1)


def divergence(x, t):
    offset, v, share, _ = parts(x, t)
    s = -offset / v
    mean = (share[..., None] * s).sum(1)
    return (share * ((s**2).sum(-1) - (1 / v).sum(-1))).sum(1) - (mean**2).sum(-1)


def flow(t, flat):
    x = flat.reshape(-1, 2)
    beta = BETA_MIN + t * (BETA_MAX - BETA_MIN)
    return (-0.5 * beta * (x + score(x, t))).ravel()


def augmented(t, flat):
    x = flat.reshape(-1, 3)
    beta = BETA_MIN + t * (BETA_MAX - BETA_MIN)
    dx = -0.5 * beta * (x[:, :2] + score(x[:, :2], t))
    dl = 0.5 * beta * (2 + divergence(x[:, :2], t))
    return np.concatenate([dx, dl[:, None]], 1).ravel()


def solve(f, ends, x, method, tolerance):
    result = solve_ivp(f, ends, x.ravel(), method=method, rtol=tolerance, atol=tolerance)
    return result, result.y[:, -1].reshape(x.shape)


def main():
    start = np.array([[-0.3, 0.4]])
    rk45 = []
    for tolerance in TOLERANCES:
        result, x = solve(flow, (1.0, 1e-3), start, "RK45", tolerance)
        rk45.append({"tolerance": tolerance, "nfe": result.nfev, "steps": len(result.t) - 1, "x": x[0].tolist()})

    starts = np.random.default_rng(1).standard_normal((8, 2)).round(6)
    _, ends = solve(flow, (1.0, 1e-3), starts, "DOP853", 1e-13)
    solved = []
    for tolerance in TOLERANCES:
        result, x = solve(flow, (1.0, 1e-3), starts, "RK45", tolerance)
        solved.append({"tolerance": tolerance, "nfe": result.nfev, "error": np.sqrt(((x - ends) ** 2).mean())})

    points = np.array([[2.1, -0.2], [-1.9, 1.5], [0.0, 0.5], [2.0, 1.3]])
    state = np.concatenate([points, np.zeros((4, 1))], 1)

    def log_likelihood(method, tolerance):
        result, end = solve(augmented, (1e-5, 1.0), state, method, tolerance)
        prior = -0.5 * (end[:, :2] ** 2).sum(1) - np.log(2 * np.pi)
        # d log p/dt along the flow is minus the divergence of its slope, which is -dl: log p(x0) = log p(x1) - dl.
        return result.nfev, prior - end[:, 2]

    _, precise = log_likelihood("DOP853", 1e-12)
    nfe, rough = log_likelihood("RK45", 1e-5)
    fixture = {
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "rk45": {"start": start[0].tolist(), "runs": rk45},
        "samples": {"start": starts.tolist(), "end": ends.tolist(), "rk45": solved},
        "likelihood": {
            "x": points.tolist(),
            "density": parts(points, 1e-5)[3].tolist(),
            "dop853": precise.tolist(),
            "rk45": {"tolerance": 1e-5, "nfe": nfe, "error": np.abs(rough - precise).max()},
        },
    }
    path = Path(__file__).with_name("flow.json")
    path.write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
