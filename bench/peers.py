"""PyTorch beside Scorefield: the twin of tests/reference/unet.py with the shipped weights.

One JSON object a line on standard input, one a line on standard output, so that bench/run.js can alternate it with
ours.

    python3 peers.py serve MODEL THREADS        answers
    python3 peers.py export MODEL OUT.onnx      writes the network as ONNX, for the browser's peers

PyTorch gets what its documentation recommends on a CPU: inference mode, channels-last tensors beside the default ones,
and torch.compile where there is a C++ compiler.
"""

import copy
import json
import math
import platform
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "reference"))
from unet import UNet, crate_tensors  # noqa: E402

warnings.filterwarnings("ignore")
LABEL = 3


def network(config):
    """The twin of an architecture, which is spelt as the weights' manifest spells it."""
    return UNet(**{key: value for key, value in config.items() if key != "kind"})


def load(path):
    """The twin with a weights file's parameters, and the file's manifest.

    `crate_tensors` gives views of the twin's own parameters in the crate's layouts: what is copied into the views lands
    in the parameters, which inverts it.
    """
    with safe_open(path, "pt") as file:
        manifest = json.loads(file.metadata()["scorefield"])
        net = network(manifest["architecture"])
        names = set(file.keys())
        with torch.no_grad():
            for name, view in crate_tensors(net):
                view.copy_(file.get_tensor(name).float())
                names.remove(name)
    if names:
        raise SystemExit(f"{path}: tensors that the twin does not have: {sorted(names)}")
    return net.eval(), manifest


def export(model, out):
    """The network as ONNX, any batch."""
    net, manifest = load(model)
    n, shape = 2, manifest["architecture"]["shape"]
    args = (torch.zeros(n, *shape), torch.zeros(n), torch.zeros(n, dtype=torch.long))
    batch = torch.export.Dim("n", min=1, max=4096)
    program = torch.onnx.export(
        net, args, dynamo=True, opset_version=20, verbose=False, input_names=["x", "c_noise", "label"],
        output_names=["f"], dynamic_shapes=({0: batch}, {0: batch}, {0: batch}),
    )
    program.save(out, include_initializers=True, external_data=False)


class Peer:
    """The commands, one a method."""

    def __init__(self, model, threads):
        torch.set_num_threads(threads)
        self.net, self.manifest = load(model)
        self.forms = {"default": self.net}
        self.inputs = {}
        self.training = {}

    def info(self):
        from importlib.metadata import version

        return {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "onnx": version("onnx"),
            "threads": torch.get_num_threads(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "mkldnn": torch.backends.mkldnn.is_available(),
        }

    def prepare(self, form, shape=None):
        """A form of the network: default, channels-last or compiled; with `shape` a fresh one for other images."""
        net = self.net
        if shape:
            net = network({**self.manifest["architecture"], "shape": shape}).eval()
        if form == "channels-last":
            net = copy.deepcopy(net).to(memory_format=torch.channels_last)
        if form == "compiled":
            net = torch.compile(copy.deepcopy(net).to(memory_format=torch.channels_last), dynamic=False)
        self.forms[form + (str(shape) if shape else "")] = net
        return {}

    def arguments(self, form, batch, x, c_noise, shape=None):
        key = (form, batch, x, c_noise, str(shape))
        if key not in self.inputs:
            shape = shape or self.manifest["architecture"]["shape"]
            d = math.prod(shape)
            x = np.fromfile(x, np.float32, batch * d).reshape(batch, *shape)
            x = torch.from_numpy(x)
            if form != "default":
                x = x.to(memory_format=torch.channels_last)
            self.inputs[key] = (x, torch.full((batch,), c_noise), torch.full((batch,), LABEL))
        return self.inputs[key]

    def output(self, form, batch, x, c_noise, out):
        with torch.inference_mode():
            f = self.forms[form](*self.arguments(form, batch, x, c_noise))
        f.contiguous().numpy().tofile(out)
        return {}

    def evaluate(self, form, batch, x, c_noise, repeat=1, shape=None):
        """Seconds an evaluation."""
        net, args = self.forms[form + (str(shape) if shape else "")], self.arguments(form, batch, x, c_noise, shape)
        with torch.inference_mode():
            begun = time.perf_counter()
            for _ in range(repeat):
                net(*args)
            return {"seconds": (time.perf_counter() - begun) / repeat}

    def train_prepare(self, form, batch):
        """The recipe of the trainer: Adam, gradients clipped to norm 1, an average of the weights."""
        net = copy.deepcopy(self.net).train()
        if form == "channels-last":
            net = net.to(memory_format=torch.channels_last)
        self.training[form] = {
            "net": net,
            "average": [p.detach().clone() for p in net.parameters()],
            "adam": torch.optim.Adam(net.parameters(), lr=1e-5, fused=True),
            "clean": torch.randn(batch, *self.manifest["architecture"]["shape"]),
            "label": torch.randint(0, self.manifest["architecture"]["classes"] + 1, (batch,)),
        }
        return {}

    def batch(self, clean):
        """Noisy inputs, c_noise and targets of EDM's weighting; σ log-normal."""
        sigma_data = self.manifest["parameterisation"]["sigma_data"]
        sigma = torch.exp(torch.randn(len(clean)) * 1.5 - 0.6)[:, None, None, None]
        noise, root = torch.randn_like(clean), torch.sqrt(sigma**2 + sigma_data**2)
        target = (sigma * clean - sigma_data**2 * noise) / (sigma_data * root)
        return (clean + sigma * noise) / root, sigma.log().flatten() / 4, target

    def train(self, form, repeat=1):
        """Seconds a training step: noise, forward, backward, clipping, Adam, average."""
        state = self.training[form]
        begun = time.perf_counter()
        for _ in range(repeat):
            x, c_noise, target = self.batch(state["clean"])
            if form == "channels-last":
                x = x.to(memory_format=torch.channels_last)
            self.update(state, x, c_noise, state["label"], target)
        return {"seconds": (time.perf_counter() - begun) / repeat}

    def update(self, state, x, c_noise, label, target):
        return self.descend(state, F.mse_loss(state["net"](x, c_noise, label), target))

    def descend(self, state, loss):
        net, adam = state["net"], state["adam"]
        adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(state["average"], [p.detach() for p in net.parameters()], 1e-3)
        return loss.item(), norm.item()

    def lab_prepare(self, form, objective, batch):
        """The score lab's network, 2-128-128-128-2, on points of N(0, I), with the recipe of the trainer."""
        widths = [2, 128, 128, 128]
        hidden = [layer for i in range(3) for layer in (nn.Linear(widths[i], widths[i + 1]), nn.SiLU())]
        net = nn.Sequential(*hidden, nn.Linear(128, 2))
        self.training[f"{objective}, {form}"] = {
            "net": net,
            "average": [p.detach().clone() for p in net.parameters()],
            "adam": torch.optim.Adam(net.parameters(), lr=1e-5, fused=True),
            "points": torch.randn(10_000, 2),
            "batch": batch,
        }
        return {}

    def lab(self, form, objective, repeat=1):
        """Seconds a step of it."""
        state = self.training[f"{objective}, {form}"]
        loss = {"denoising": self.denoising, "implicit": self.implicit}[objective]
        begun = time.perf_counter()
        for _ in range(repeat):
            clean = state["points"][torch.randint(0, len(state["points"]), (state["batch"],))]
            self.descend(state, loss(state["net"], clean, form))
        return {"seconds": (time.perf_counter() - begun) / repeat}

    def denoising(self, net, clean, form):
        """EDM's weighting, as `batch`, for data of deviation 1; the network is not told the noise level."""
        sigma = torch.exp(torch.randn(len(clean), 1) * 1.2 - 1.2)
        noise, root = torch.randn_like(clean), torch.sqrt(sigma**2 + 1)
        return F.mse_loss(net((clean + sigma * noise) / root), (sigma * clean - noise) / root)

    def implicit(self, net, clean, form):
        """tr ∂s/∂x + |s|²/2: by a second differentiation in reverse mode, or in forward mode, all directions at once."""
        if form == "forward mode":
            axes = torch.eye(2)[:, None, :].expand(2, *clean.shape)
            tangents = torch.func.vmap(lambda v: torch.func.jvp(net, (clean,), (v,)), out_dims=(None, 0))(axes)
            s, tangents = tangents
            trace = tangents[0, :, 0] + tangents[1, :, 1]
        else:
            clean = clean.requires_grad_()
            s = net(clean)
            rows = [torch.autograd.grad(s[:, i].sum(), clean, create_graph=True)[0][:, i] for i in range(2)]
            trace = rows[0] + rows[1]
        return (trace + 0.5 * s.square().sum(1)).mean()

    def train_check(self, folder, rates):
        """Losses and gradients' norms of the steps that ours took, on its batches and at its rates."""
        net = copy.deepcopy(self.net).train()
        adam = torch.optim.Adam(net.parameters(), lr=rates[0])
        state = {"net": net, "adam": adam, "average": [p.detach().clone() for p in net.parameters()]}
        losses, norms = [], []
        for step, rate in enumerate(rates):
            read = lambda name, kind: torch.from_numpy(np.fromfile(f"{folder}/{step}.{name}", kind))
            c_noise, label = read("c_noise", np.float32), read("label", np.int32).long()
            shape = (len(label), *self.manifest["architecture"]["shape"])
            adam.param_groups[0]["lr"] = rate
            loss, norm = self.update(
                state, read("input", np.float32).reshape(shape), c_noise, label, read("target", np.float32).reshape(shape)
            )
            losses.append(loss)
            norms.append(norm)
        return {"losses": losses, "norms": norms}

    def memory(self):
        """Peak resident bytes of this process."""
        unit = 1 if platform.system() == "Darwin" else 1024
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def serve(model, threads):
    peer = Peer(model, threads)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("op"))(**request)
        except Exception as error:  # the driver says which row it costs
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    command, model, argument = sys.argv[1:]
    export(model, argument) if command == "export" else serve(model, int(argument))
