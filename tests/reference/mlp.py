"""Writes mlp.json: perceptrons and energy networks of src/net/mlp in PyTorch: outputs, tangents by torch.func.jvp, and
gradients by the parameters of losses of the Jacobian, which PyTorch differentiates a second time in reverse mode.

Everything is computed in float64 with numbers that float32 represents.

    python3 tests/reference/mlp.py

Written with PyPI's torch 2.15.0 and numpy 2.4.6, Python 3.11; the file holds the versions that wrote it. See README.md
beside this file.
"""

import json
from pathlib import Path

import numpy as np
import torch

DIM, WIDTH, DEPTH, EMBEDDING, CLASSES, ROWS = 3, 5, 2, 4, 2, 4
ACTIVATIONS = {"silu": torch.nn.functional.silu, "softplus": torch.nn.functional.softplus, "tanh": torch.tanh}


def single(values):
    """Float64 numbers that float32 represents."""
    return torch.from_numpy(np.asarray(values, np.float32).astype(np.float64))


def parameters(random, energy):
    """By the crate's names, in the crate's layouts: weights [in, out]."""
    outputs = 1 if energy else DIM
    shapes = {"frequencies": [EMBEDDING // 2], "time": [EMBEDDING, WIDTH], "class": [CLASSES + 1, WIDTH]}
    for layer in range(DEPTH):
        shapes[f"hidden.{layer}.weight"] = [WIDTH if layer else DIM, WIDTH]
        shapes[f"hidden.{layer}.bias"] = [WIDTH]
    shapes["head.weight"] = [WIDTH, outputs]
    if not energy:
        shapes["head.bias"] = [outputs]
    return {name: single(0.7 * random.standard_normal(shape)) for name, shape in shapes.items()}


def output(p, activation, x, level, label):
    """F of one sample, or E, as a vector."""
    angle = level * p["frequencies"]
    waves = torch.cat([torch.cos(angle), torch.sin(angle)])
    z = x @ p["hidden.0.weight"] + p["hidden.0.bias"] + waves @ p["time"] + p["class"][label]
    for layer in range(1, DEPTH):
        z = activation(z) @ p[f"hidden.{layer}.weight"] + p[f"hidden.{layer}.bias"]
    y = activation(z) @ p["head.weight"]
    return y + p["head.bias"] if "head.bias" in p else y


def network(p, activation, x, level, label):
    """F of one sample."""
    if "head.bias" in p:
        return output(p, activation, x, level, label)
    return -torch.func.grad(lambda x: output(p, activation, x, level, label)[0])(x)


def case(random, name, energy):
    p = parameters(random, energy)
    x, level = single(random.standard_normal([ROWS, DIM])), single(random.standard_normal(ROWS))
    labels = [0, 1, 2, 1]
    directions = single(random.standard_normal([2, ROWS, DIM]))
    rows = list(zip(x, level, labels))
    trained = {key: value.clone().requires_grad_(key != "frequencies") for key, value in p.items()}

    def f(p, row):
        x, level, label = row
        return lambda x: network(p, ACTIVATIONS[name], x, level, label)

    values = [f(p, row)(row[0]) for row in rows]
    tangents = [[torch.func.jvp(f(p, row), (row[0],), (v,))[1] for row, v in zip(rows, along)] for along in directions]
    energies = [output(p, ACTIVATIONS[name], *row)[0].item() for row in rows] if energy else None

    # Implicit score matching's loss of F, the mean of tr ∂F/∂x + ½|F|²; the Jacobian by reverse mode.
    loss = 0
    for row in rows:
        jacobian = torch.func.jacrev(f(trained, row))(row[0])
        loss = loss + (torch.trace(jacobian) + 0.5 * f(trained, row)(row[0]).square().sum()) / ROWS
    names = [key for key, value in trained.items() if value.requires_grad]
    gradients = torch.autograd.grad(loss, [trained[key] for key in names])
    return {
        "activation": name,
        "energy": energy,
        "parameters": {key: value.flatten().tolist() for key, value in p.items()},
        "x": x.tolist(),
        "c_noise": level.tolist(),
        "class": labels,
        "directions": directions.tolist(),
        "output": [value.tolist() for value in values],
        "tangents": [[value.tolist() for value in along] for along in tangents],
        "energies": energies,
        "loss": loss.item(),
        "gradients": {key: value.flatten().tolist() for key, value in zip(names, gradients)},
    }


def main():
    random = np.random.default_rng(9)
    cases = [case(random, name, energy) for name in ACTIVATIONS for energy in (False, True)]
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    sizes = {"dim": DIM, "width": WIDTH, "depth": DEPTH, "embedding": EMBEDDING, "classes": CLASSES}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"versions": versions, "sizes": sizes, "cases": cases}) + "\n")


main()
