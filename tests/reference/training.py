"""Writes training.json: what PyTorch's Adam, its global-norm clipping and torch_ema's moving average do
to a small vector, in float64.

    python3 tests/reference/training.py

Written with Debian 12's python3-torch 1.13.1+dfsg-4 and python3-numpy 1.24.2, and PyPI's torch-ema 0.3,
whose average is score_sde's (Song et al. 2021); the file holds the versions that wrote it. See README.md
beside this file.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch_ema import ExponentialMovingAverage

STEPS, SIZES = 5, [4, 3]  # two parameters: the norm is over both


def single(values):
    """Float64 numbers that float32 represents."""
    return torch.from_numpy(np.asarray(values, np.float32).astype(np.float64))


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors]).tolist()


def run(rng, lr, clip, decay):
    """Gradients are given, not derived: the k-th step's are the k-th row."""
    parameters = [torch.nn.Parameter(single(rng.standard_normal(n))) for n in SIZES]
    gradients = rng.standard_normal((STEPS, sum(SIZES)))
    gradients *= np.array([0.01, 0.2, 3.0, 1.0, 0.1])[:, None]  # both below and above the clip
    gradients[:, 0] = 3e-8 * rng.standard_normal(STEPS)  # of the size of Adam's epsilon
    gradients[:, 1] = 0  # a parameter without a gradient
    gradients[1:, 2] = 0  # one whose gradient ends
    gradients = single(gradients)
    optimiser = torch.optim.Adam(parameters, lr=lr, betas=(0.9, 0.999), eps=1e-8)
    average = ExponentialMovingAverage(parameters, decay=decay)
    result = {"lr": lr, "clip": clip, "ema": decay, "initial": flat(parameters), "steps": []}
    for row in gradients:
        for parameter, part in zip(parameters, row.split(SIZES)):
            parameter.grad = part.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
        clipped = flat(p.grad for p in parameters)
        optimiser.step()
        average.update()
        result["steps"].append({
            "gradient": row.tolist(),
            "norm": norm.item(),
            "clipped": clipped,
            "parameters": flat(parameters),
            "average": flat(average.shadow_params),
            "moment1": flat(optimiser.state[p]["exp_avg"] for p in parameters),
            "moment2": flat(optimiser.state[p]["exp_avg_sq"] for p in parameters),
        })
    return result


def main():
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(20240608)
    runs = [
        run(rng, lr=1e-3, clip=1.0, decay=0.999),  # the average warms up all the while
        run(rng, lr=0.1, clip=0.5, decay=0.3),  # it reaches its decay in the third step: 4/13 > 0.3
    ]
    versions = {name: version(name) for name in ["torch-ema"]} | {"torch": torch.__version__, "numpy": np.__version__}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"versions": versions, "runs": runs}, indent=1) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
