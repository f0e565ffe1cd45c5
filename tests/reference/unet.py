"""Writes unet.safetensors: the score U-Net of src/net in PyTorch, one forward and one backward pass,
and the scores that EDM's denoiser gives for it.

The network is written as one would in PyTorch (NCHW, torch.nn), so that it shares neither layouts nor
code with the crate; everything is computed in float64 and stored in float32. Every tensor, those that
start at zero included, holds random numbers that float16 represents, which is how parameters are stored.

    python3 tests/reference/unet.py

Written with Debian 12's python3-torch 1.13.1+dfsg-4 and python3-numpy 1.24.2, and PyPI's safetensors
0.8.0; the file's metadata holds the versions that wrote it. See README.md beside this file.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import nn

# As scorefield::net::UNetConfig. Height, width and channels differ, and so do the levels' widths, so that no
# mix-up of axes or levels can hide.
CONFIG = {
    "shape": [2, 8, 12],
    "patch": 2,
    "width": 8,
    "multipliers": [2, 1],
    "blocks": 2,
    "heads": 2,
    "groups": 4,
    "embedding": 8,
    "time": {"kind": "fourier", "scale": 1.0},
    "classes": 3,
}
SIGMA_DATA = 0.5
BETA_MIN, BETA_MAX = 0.1, 20.0  # scorefield::sde::Vp's default
TIMES = [1.0, 0.5, 0.1, 1e-3]
GUIDANCE = [0.0, 1.0, 2.0]
LABELS = [0, None, 2]


def space_to_depth(x, p):
    """Channels in the order (row, column, channel) within a block; pixel_unshuffle has the channel first."""
    return F.pixel_unshuffle(x, p).unflatten(1, (x.shape[1], p * p)).transpose(1, 2).flatten(1, 2)


def depth_to_space(x, p):
    return F.pixel_shuffle(x.unflatten(1, (p * p, -1)).transpose(1, 2).flatten(1, 2), p)


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out, embedding, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * c_out)
        self.norm2 = nn.GroupNorm(groups, c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(e)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return (self.skip(x) + h) / math.sqrt(2)


class Attention(nn.Module):
    def __init__(self, channels, heads, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.mha = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x):
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        y, _ = self.mha(tokens, tokens, tokens, need_weights=False)
        return (x + y.transpose(1, 2).reshape(x.shape)) / math.sqrt(2)


class Stage(nn.Module):
    def __init__(self, blocks, resize):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.resize = resize


class UNet(nn.Module):
    def __init__(self, shape, patch, width, multipliers, blocks, heads, groups, embedding, time, classes):
        super().__init__()
        pixel = shape[0] * patch**2
        widths = [m * width for m in multipliers]
        self.patch = patch
        self.register_buffer("frequencies", torch.zeros(embedding // 2))
        self.time1, self.time2 = nn.Linear(embedding, embedding), nn.Linear(embedding, embedding)
        self.classes = nn.Embedding(classes + 1, embedding)  # the last row is the null class
        self.stem = nn.Conv2d(pixel, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        c, skips = width, []
        for level, w in enumerate(widths):
            rows = []
            for _ in range(blocks):
                rows.append(ResBlock(c, w, embedding, groups))
                skips.append(w)
                c = w
            last = level + 1 == len(widths)
            self.down.append(Stage(rows, None if last else nn.Conv2d(4 * w, w, 1)))
        self.middle = ResBlock(c, c, embedding, groups)
        self.attention = Attention(c, heads, groups)
        self.middle2 = ResBlock(c, c, embedding, groups)
        for level, w in reversed(list(enumerate(widths))):
            rows = []
            for _ in range(blocks):
                rows.append(ResBlock(c + skips.pop(), w, embedding, groups))
                c = w
            resize = nn.Conv2d(c, 4 * widths[level - 1], 1) if level else None
            self.up.append(Stage(rows, resize))
            c = widths[level - 1] if level else c
        self.norm = nn.GroupNorm(groups, c)
        self.head = nn.Conv2d(c, pixel, 3, padding=1)

    def forward(self, x, c_noise, label):
        angle = c_noise[:, None] * self.frequencies
        e = self.time2(F.silu(self.time1(torch.cat([angle.cos(), angle.sin()], dim=1))))
        e = F.silu(e + self.classes(label))
        h, skips = self.stem(space_to_depth(x, self.patch)), []
        for stage in self.down:
            for block in stage.blocks:
                h = block(h, e)
                skips.append(h)
            if stage.resize is not None:
                h = stage.resize(space_to_depth(h, 2))
        h = self.middle2(self.attention(self.middle(h, e)), e)
        for stage in self.up:
            for block in stage.blocks:
                h = block(torch.cat([h, skips.pop()], dim=1), e)
            if stage.resize is not None:
                h = depth_to_space(stage.resize(h), 2)
        return depth_to_space(self.head(F.silu(self.norm(h))), self.patch)


def crate_tensors(net, gradient=False):
    """The network's tensors, or their gradients, under the crate's names and in its layouts."""
    of = (lambda p: p.grad) if gradient else (lambda p: p)
    for path, module in net.named_modules():
        if isinstance(module, nn.GroupNorm):
            yield f"{path}.gamma", of(module.weight)
            yield f"{path}.beta", of(module.bias)
        elif isinstance(module, nn.Conv2d):
            yield f"{path}.weight", of(module.weight).permute(2, 3, 1, 0)
            yield f"{path}.bias", of(module.bias)
        elif isinstance(module, nn.MultiheadAttention):
            block = path.removesuffix(".mha")
            yield f"{block}.qkv.weight", of(module.in_proj_weight).T[None, None]
            yield f"{block}.qkv.bias", of(module.in_proj_bias)
            yield f"{block}.proj.weight", of(module.out_proj.weight).T[None, None]
            yield f"{block}.proj.bias", of(module.out_proj.bias)
        elif isinstance(module, nn.Linear) and not path.endswith(".mha.out_proj"):
            yield f"{path}.weight", of(module.weight).T
            yield f"{path}.bias", of(module.bias)
        elif isinstance(module, nn.Embedding):
            yield "class", of(module.weight)
    if not gradient:
        yield "frequencies", net.frequencies


def randomise(net, rng):
    """Every tensor random, of the size that a trained network's has, and exact in float16."""

    def draw(tensor, mean, std):
        values = (mean + std * rng.standard_normal(tuple(tensor.shape))).astype(np.float16)
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values.astype(np.float64)))

    draw(net.frequencies, 0, 2 * math.pi * CONFIG["time"]["scale"])
    norms = {m for m in net.modules() if isinstance(m, nn.GroupNorm)}
    for module in net.modules():
        for name, p in module.named_parameters(recurse=False):
            if module in norms:
                draw(p, 1 if name == "weight" else 0, 0.2)
            elif isinstance(module, nn.Embedding):
                draw(p, 0, 1)
            else:
                # A faint stem: the first normalisations see a variance of 1e-3, where their ε of 1e-5 shows.
                gain = 0.03 if module is net.stem else 1
                draw(p, 0, gain * (0.2 if p.dim() == 1 else 1 / math.sqrt(p[0].numel())))


def vp(t):
    """α and σ of VP (Song et al. 2021, appendix B)."""
    log_alpha = -0.25 * t**2 * (BETA_MAX - BETA_MIN) - 0.5 * t * BETA_MIN
    return math.exp(log_alpha), math.sqrt(1 - math.exp(2 * log_alpha))


def denoiser(net, x, sigma, label):
    """EDM's D(x; σ), Karras et al. 2022, equation 7 and table 1."""
    variance = sigma**2 + SIGMA_DATA**2
    c_skip, c_out = SIGMA_DATA**2 / variance, sigma * SIGMA_DATA / math.sqrt(variance)
    c_in, c_noise = 1 / math.sqrt(variance), math.log(sigma) / 4
    return c_skip * x + c_out * net(c_in * x, torch.full((len(x),), c_noise), label)


def main():
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(20240607)
    net = UNet(**CONFIG)
    randomise(net, rng)
    n, (c, h, w) = 3, CONFIG["shape"]
    single = lambda a: torch.from_numpy(np.asarray(a, np.float32).astype(np.float64))
    store = lambda t: np.ascontiguousarray(t.detach().numpy().astype(np.float32))
    tensors = {f"parameter.{name}": store(t).astype(np.float16) for name, t in crate_tensors(net)}

    x, target = single(rng.standard_normal((n, c, h, w))), single(rng.standard_normal((n, c, h, w)))
    c_noise = single(np.log([0.01, 0.3, 80.0]) / 4)
    label = torch.tensor([1, CONFIG["classes"], 0])
    output = net(x, c_noise, label)
    loss = F.mse_loss(output, target)
    loss.backward()
    tensors |= {"x": store(x), "target": store(target), "c_noise": store(c_noise), "output": store(output)}
    tensors |= {"class": label.numpy().astype(np.int32), "loss": store(loss)}
    tensors |= {f"gradient.{name}": store(g) for name, g in crate_tensors(net, gradient=True)}

    # s = (αD(x/α; σ/α) − x)/σ², and s = s∅ + w(s_c − s∅).
    null = torch.full((n,), CONFIG["classes"])
    label = torch.tensor([CONFIG["classes"] if k is None else k for k in LABELS])
    with torch.no_grad():
        for i, t in enumerate(TIMES):
            alpha, sigma = vp(t)
            noise, clean = (rng.standard_normal((n, c, h, w)) for _ in range(2))
            x = single(alpha * SIGMA_DATA * clean + sigma * noise)
            tensors[f"score.{i}.x"] = store(x)
            score = lambda k: (alpha * denoiser(net, x / alpha, sigma / alpha, k) - x) / sigma**2
            for j, weight in enumerate(GUIDANCE):
                tensors[f"score.{i}.{j}"] = store(score(null) + weight * (score(label) - score(null)))

    # The frequencies of the sinusoidal embedding: DDPM's, get_timestep_embedding, times 1000.
    half = CONFIG["embedding"] // 2
    tensors["sinusoidal"] = store(1000 * torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1))))

    settings = {
        "config": CONFIG, "sigma_data": SIGMA_DATA, "times": TIMES, "guidance": GUIDANCE, "labels": LABELS,
        "process": {"kind": "vp", "beta_min": BETA_MIN, "beta_max": BETA_MAX},
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_suffix(".safetensors")
    save_file(tensors, path, {"settings": json.dumps(settings)})
    count = sum(p.numel() for p in net.parameters())
    print(f"{path}: {path.stat().st_size} bytes, {count} parameters, loss {loss.item():.9f}")


if __name__ == "__main__":
    main()
