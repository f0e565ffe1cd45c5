"""Writes objectives.json: losses of score-matching objectives and their gradients by all weights of a small perceptron,
by PyTorch's reverse mode applied twice, in float64.

    python3 tests/reference/objectives.py

Written with Debian 12's python3-torch 1.13.1+dfsg-4 and python3-numpy 1.24.2, and PyPI's diffusers 0.31.0, whose
DDPMScheduler perturbs for `ddpm`. `ncsn` is ermongroup/ncsnv2's anneal_dsm_score_estimation (losses/dsm.py), `likelihood`
score_sde's get_sde_loss_fn with likelihood_weighting (losses.py), both transcribed; the others are their papers'
formulas. Draws are those of src/noise.rs, ChaCha8 in Python. See README.md beside this file.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler

torch.set_default_dtype(torch.float64)
SEED, STEP, N, D, SIGMA_DATA = 5, 3, 6, 2, 0.7
PERTURBATION, TIME, DIRECTION, SMOOTHING = 6, 7, 17, 18
WIDTH, WAVES = 6, 2


def uniforms(sample, purpose, draw):
    """The first two of src/noise.rs's uniform draws."""
    key = b"".join(int(v).to_bytes(8, "little") for v in (SEED, purpose, draw, 0))
    head = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    state = head + [int.from_bytes(key[4 * i : 4 * i + 4], "little") for i in range(8)] + [0, 0, sample, 0]
    words = list(state)

    def quarter(a, b, c, d):
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            words[x] = (words[x] + words[y]) & 0xFFFFFFFF
            w = words[z] ^ words[x]
            words[z] = ((w << by) | (w >> (32 - by))) & 0xFFFFFFFF

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    words = [(w + s) & 0xFFFFFFFF for w, s in zip(words, state)]
    return [((words[2 * i + 1] << 32 | words[2 * i]) >> 11) * 2.0**-53 for i in range(2)]


def normals(purpose, draw):
    """Standard normal draws of float32, [N, D]."""
    out = np.zeros((N, D), np.float32)
    for sample in range(N):
        u = uniforms(sample, purpose, draw)
        radius = math.sqrt(-2 * math.log(1 - u[0]))
        out[sample] = radius * math.cos(2 * math.pi * u[1]), radius * math.sin(2 * math.pi * u[1])
    return torch.from_numpy(out.astype(np.float64))


def single(values):
    """Float64 numbers that float32 represents."""
    return torch.from_numpy(np.asarray(values, np.float32).astype(np.float64))


class Perceptron:
    """src/net/mlp with two hidden layers of SiLU, unconditional; `level`: whether it is told the noise level."""

    def __init__(self, rng, level, energy):
        draw = lambda *shape: single(0.6 * rng.standard_normal(shape))
        outputs = 1 if energy else D
        self.energy, self.level, self.parameters = energy, level, {}
        if level:
            self.parameters |= {"frequencies": draw(WAVES), "time": draw(2 * WAVES, WIDTH)}
        for index, inputs in enumerate([D, WIDTH]):
            self.parameters |= {
                f"hidden.{index}.weight": draw(inputs, WIDTH),
                f"hidden.{index}.bias": draw(WIDTH),
            }
        self.parameters["head.weight"] = draw(WIDTH, outputs)
        if not energy:
            self.parameters["head.bias"] = draw(outputs)
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(name != "frequencies")

    def __call__(self, x, c_noise):
        p, silu = self.parameters, torch.nn.functional.silu
        if self.energy and not x.requires_grad:
            x = x.clone().requires_grad_()
        z = x @ p["hidden.0.weight"] + p["hidden.0.bias"]
        if self.level:
            angle = c_noise * p["frequencies"]
            z = z + torch.cat([angle.cos(), angle.sin()], 1) @ p["time"]
        z = silu(z) @ p["hidden.1.weight"] + p["hidden.1.bias"]
        f = silu(z) @ p["head.weight"]
        if not self.energy:
            return f + p["head.bias"]
        return -torch.autograd.grad(f.sum(), x, create_graph=True)[0]

    def result(self, loss):
        for parameter in self.parameters.values():
            parameter.grad = None
        # Criteria share their graphs.
        loss.backward(retain_graph=True)
        gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters.values()]
        return {"loss": loss.item(), "gradient": torch.cat([g.flatten() for g in gradient]).tolist()}


def jacobian(s, x):
    """ds/dx, [N, D, D]."""
    return torch.stack([torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0] for i in range(D)], 1)


# --- Criteria of a score at samples, each weighted by lambda = sigma^2 where there is noise.
MIXTURE = {"weights": [0.3, 0.7], "means": [[1.0, -0.5], [-0.4, 0.8]], "stds": [[0.6, 0.6], [0.4, 0.9]]}
M, EPSILON, SIGMA, BANDWIDTH = 2, 0.1, 0.3, 1.1


def mixture_score(x, alpha, sigma):
    x = x.detach().clone().requires_grad_()
    logs = []
    for weight, mean, std in zip(*MIXTURE.values()):
        variance = (alpha * torch.tensor(std)) ** 2 + sigma**2
        away = x - alpha * torch.tensor(mean)
        logs.append(math.log(weight) - 0.5 * (away**2 / variance + variance.log()).sum(1))
    return torch.autograd.grad(torch.logsumexp(torch.stack(logs), 0).sum(), x)[0]


def directions(law, m):
    vs = [normals(DIRECTION, STEP * m + j) for j in range(m)]
    return [v * math.sqrt(D) / v.norm(dim=1, keepdim=True) for v in vs] if law == "sphere" else vs


def stein(x, s, kernel, h):
    """The U-statistic's terms, by differentiating the kernel."""
    rows = []
    for i in range(N):
        row = 0.0
        for j in range(N):
            if i == j:
                continue
            a, b = x[i].detach().clone().requires_grad_(), x[j].detach().clone().requires_grad_()
            r2 = ((a - b) ** 2).sum() / h**2
            k = (1 + r2) ** -0.5 if kernel == "imq" else torch.exp(-r2 / 2)
            ka, kb = torch.autograd.grad(k, (a, b), create_graph=True)
            trace = sum(torch.autograd.grad(ka[c], b, retain_graph=True)[0][c] for c in range(D))
            k, ka, kb = k.detach(), ka.detach(), kb.detach()
            row = row + (s[i] @ s[j]) * k + s[i] @ kb + s[j] @ ka + trace
        rows.append(row)
    return torch.stack(rows) / (N - 1)


def criteria(net, x, alpha, sigma, read, scale, weight):
    x = x.clone().requires_grad_()
    s = read(x)
    along = lambda v: (jacobian(s, x) @ v.unsqueeze(2)).squeeze(2)
    half = lambda t: 0.5 * (t**2).sum(1)
    terms = {
        "explicit": half(s - mixture_score(x, alpha, sigma)),
        "implicit": sum(jacobian(s, x)[:, i, i] for i in range(D)) + half(s),
    }
    for law in ("gaussian", "sphere"):
        vs = directions(law, M)
        derivative = sum((v * along(v)).sum(1) for v in vs) / M
        terms[f"sliced-{law}"] = derivative + sum(0.5 * (v * s).sum(1) ** 2 for v in vs) / M
        terms[f"sliced-{law}-variance-reduced"] = derivative + half(s)
    plain, reduced = 0.0, 0.0
    for v in directions("gaussian", M):
        h = EPSILON * scale / math.sqrt(D)
        forward, back = read(x + h * v), read(x - h * v)
        difference, mean = (v * (forward - back)).sum(1) / (2 * h.squeeze(1)), (forward + back) / 2
        plain = plain + (difference + 0.5 * (v * mean).sum(1) ** 2) / M
        reduced = reduced + (difference + half(mean)) / M
    terms |= {"finite-difference": plain, "finite-difference-variance-reduced": reduced}
    noise = normals(SMOOTHING, STEP)
    terms["one-level"] = half(SIGMA * read(x + SIGMA * noise) + noise)
    squares = ((x[:, None] - x[None]) ** 2).sum(2).detach()
    squares = sorted(squares[i, j].item() for i in range(N) for j in range(i))
    terms["stein-rbf"] = stein(x, s, "rbf", math.sqrt(squares[len(squares) // 2]))
    terms["stein-imq"] = stein(x, s, "imq", BANDWIDTH)
    # A discrepancy compares rows, which are at one level then: of one weight.
    weights = {name: 1.0 if name.startswith("stein") else weight.squeeze(1) for name in terms}
    return s, {name: net.result((weights[name] * term).mean()) for name, term in terms.items()}


def case(rng, energy, noisy):
    net = Perceptron(rng, noisy, energy)
    x = single(rng.standard_normal((N, D)))
    if noisy:
        alpha, sigma = single(rng.uniform(0.3, 1, (N, 1))), single(rng.uniform(0.2, 1.5, (N, 1)))
        variance = sigma**2 + (alpha * SIGMA_DATA) ** 2
        scale, weight = sigma, sigma**2

        def read(x):
            f = net(x / variance.sqrt(), 0.25 * torch.log(sigma / alpha))
            return -x / variance + alpha * SIGMA_DATA / (sigma * variance.sqrt()) * f

    else:
        alpha, sigma = torch.ones(N, 1), torch.zeros(N, 1)
        scale, weight = torch.full((N, 1), SIGMA_DATA), torch.ones(N, 1)
        read = lambda x: net(x / SIGMA_DATA, None) / SIGMA_DATA
    s, objectives = criteria(net, x, alpha, sigma, read, scale, weight)
    return {
        "energy": energy,
        "noisy": noisy,
        "parameters": {name: p.detach().flatten().tolist() for name, p in net.parameters.items()},
        "x": x.flatten().tolist(),
        "alpha": alpha.flatten().tolist(),
        "sigma": sigma.flatten().tolist(),
        "scores": s.flatten().tolist(),
        "objectives": objectives,
    }


# --- Denoising losses, from clean samples to the gradient.
def denoising(rng):
    net = Perceptron(rng, True, False)
    x0, eps = single(rng.standard_normal((N, D))), normals(PERTURBATION, STEP)
    u = [uniforms(row, TIME, STEP)[0] for row in range(N)]
    epsilon_hat = lambda x, alpha, sigma: net(x / torch.sqrt(alpha**2 + sigma**2), 0.25 * torch.log(sigma / alpha))
    results = {}

    levels, sigma_max, sigma_min = 10, 20.0, 0.05
    sigmas = np.exp(np.linspace(np.log(sigma_max), np.log(sigma_min), levels))
    labels = [levels - 1 - int(draw * levels) for draw in u]
    used = torch.from_numpy(sigmas[labels]).unsqueeze(1)
    perturbed = x0 + eps * used
    target = -1 / used**2 * (perturbed - x0)
    scores = -epsilon_hat(perturbed, torch.ones_like(used), used) / used
    loss = 1 / 2.0 * ((scores - target) ** 2).sum(dim=-1) * used.squeeze(-1) ** 2
    results["ncsn"] = net.result(loss.mean(dim=0))

    steps = 50
    scheduler = DDPMScheduler(num_train_timesteps=steps, beta_start=1e-3, beta_end=0.2, beta_schedule="linear")
    timesteps = torch.tensor([int(draw * steps) for draw in u])
    noisy = scheduler.add_noise(x0, eps, timesteps)
    bar = scheduler.alphas_cumprod.double()[timesteps].unsqueeze(1)
    prediction = epsilon_hat(noisy, bar.sqrt(), (1 - bar).sqrt())
    results["ddpm"] = net.result(torch.nn.functional.mse_loss(prediction, eps))

    beta_min, beta_max, first = 0.1, 20.0, 1e-3
    t = torch.tensor(u).unsqueeze(1) * (1 - first) + first
    log_mean = -0.25 * t**2 * (beta_max - beta_min) - 0.5 * t * beta_min
    mean, std = log_mean.exp(), torch.sqrt(1 - torch.exp(2 * log_mean))
    g2 = (beta_min + t * (beta_max - beta_min)).squeeze(1)
    score = -epsilon_hat(mean * x0 + std * eps, mean, std) / std
    losses = torch.square(score + eps / std)
    results["likelihood"] = net.result((torch.mean(losses, dim=-1) * g2).mean())
    return {
        "parameters": {name: p.detach().flatten().tolist() for name, p in net.parameters.items()},
        "x0": x0.flatten().tolist(),
        "objectives": results,
    }


def main():
    rng = np.random.default_rng(9)
    fixture = {
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "diffusers": version("diffusers")},
        "cases": [case(rng, energy, noisy) for energy in (False, True) for noisy in (False, True)],
        "denoising": denoising(rng),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(fixture) + "\n")


main()
