"""DDPM and DDIM on ladders: diffusers' schedulers in float64, and where they mis-stride the recursion itself.

diffusers' steps are right where the steps divide the ladder and the spacing is leading or trailing (its previous
time is t - N // S, whatever the time grid is); everything else is the papers' recursion, written out below and checked
against diffusers where both are right. Writes ladders.json beside this script.
"""

import json
import pathlib

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddpm import betas_for_alpha_bar

# 0.6 N(1, 0.3^2) + 0.4 N(-1, 0.2^2) in every coordinate.
PARTS = [(0.6, 1.0, 0.3), (0.4, -1.0, 0.2)]
START = np.round(2.2 * np.sin(1.3 * np.arange(12) + 0.4), 3).reshape(2, 6)
NAMES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def betas(steps, schedule):
    """The betas in float64; diffusers' own are these in float32."""
    if schedule == "linear":
        return np.linspace(1e-4, 0.02, steps)
    bar = lambda t: np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    i = np.arange(steps)
    ours = np.minimum(1 - bar((i + 1) / steps) / bar(i / steps), 0.999)
    theirs = betas_for_alpha_bar(steps).double().numpy()
    assert np.abs(ours / theirs - 1).max() < 1e-6
    return ours


def scheduler(kind, steps, schedule, spacing, **more):
    made = kind(num_train_timesteps=steps, beta_schedule=NAMES[schedule], timestep_spacing=spacing, **more)
    exact = torch.tensor(betas(steps, schedule))
    assert (made.betas.double() / exact - 1).abs().max() < 1e-5
    made.betas, made.alphas = exact, 1 - exact
    made.alphas_cumprod = torch.cumprod(made.alphas, 0)
    made.one = made.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return made


def predict(model, x, t, bar):
    """The noise that `model` predicts at time t, counted from 0, where the squared alpha is `bar`."""
    if model == "fake":
        return x * t / (t + 1)
    alpha, sigma = np.sqrt(bar), np.sqrt(1 - bar)
    variance = [alpha**2 * std**2 + sigma**2 for _, _, std in PARTS]
    offset = [x - alpha * mean for _, mean, _ in PARTS]
    logs = [np.log(w / np.sqrt(v)) - o * o / (2 * v) for (w, _, _), v, o in zip(PARTS, variance, offset)]
    most = np.maximum(*logs)
    weights = [np.exp(log - most) for log in logs]
    score = sum(-w * o / v for w, o, v in zip(weights, offset, variance)) / sum(weights)
    return -sigma * score


def timesteps(steps, spacing, count):
    """The visited times, counted from 0, from the highest down."""
    k = np.arange(count)
    if spacing == "leading":
        levels = (k * steps) // count
    elif spacing == "trailing":
        levels = np.round((k + 1) * steps / count) - 1
    elif count == 1:
        levels = np.array([steps - 1])
    else:
        levels = np.round(k * (steps - 1) / (count - 1))
    return levels.astype(int)[::-1]


def recursion(steps, schedule, spacing, count, model):
    """DDIM's last sample from START, and DDPM's means and variances at every visited time, x = START in each."""
    bars = np.concatenate([[1.0], np.cumprod(1 - betas(steps, schedule))])
    times = timesteps(steps, spacing, count)
    x, means, small, large = START, [], [], []
    for t, below in zip(times, [*times[1:], -1]):
        bar, next_bar = bars[t + 1], bars[below + 1]
        beta = 1 - bar / next_bar
        noise = predict(model, START, t, bar)
        clean = (START - np.sqrt(1 - bar) * noise) / np.sqrt(bar)
        kept = np.sqrt(1 - beta) * (1 - next_bar) / (1 - bar)
        means.append(np.sqrt(next_bar) * beta / (1 - bar) * clean + kept * START)
        small.append((1 - next_bar) / (1 - bar) * beta)
        large.append(beta if below >= 0 else 0.0)
        noise = predict(model, x, t, bar)
        clean = (x - np.sqrt(1 - bar) * noise) / np.sqrt(bar)
        x = np.sqrt(next_bar) * clean + np.sqrt(1 - next_bar) * noise
    return x, means, small, large


def ddim(steps, schedule, spacing, count, model, **limits):
    made = scheduler(DDIMScheduler, steps, schedule, spacing, clip_sample=False, **limits)
    if "clip_sample_range" in limits:
        made.register_to_config(clip_sample=True)
    made.set_timesteps(count)
    # Thresholding wants images.
    x = torch.tensor(START).reshape(2, 6, 1, 1)
    for t in made.timesteps:
        bar = made.alphas_cumprod[t].item()
        noise = torch.tensor(predict(model, x.numpy(), int(t), bar))
        x = made.step(noise, t, x, eta=0.0, use_clipped_model_output=True).prev_sample
    return x.reshape(2, 6).numpy()


def ddpm(steps, schedule, spacing, count, model, clip=None):
    """Means and variances of diffusers' steps from START, without the noise."""
    scheduling_ddpm.randn_tensor = lambda shape, generator, device, dtype: torch.zeros(shape, dtype=dtype)
    means, variances = [], []
    for kind in ["fixed_small", "fixed_large"]:
        made = scheduler(DDPMScheduler, steps, schedule, spacing, variance_type=kind, clip_sample=clip is not None,
                         clip_sample_range=clip or 1.0)
        made.set_timesteps(count)
        means, row = [], []
        for t in made.timesteps:
            noise = torch.tensor(predict(model, START, int(t), made.alphas_cumprod[t].item()))
            means.append(made.step(noise, t, torch.tensor(START)).prev_sample.numpy())
            # The step to the data has no noise (algorithm 2); diffusers has 1e-20, or beta for a trailing spacing.
            last = made.previous_timestep(t) < 0
            row.append(0.0 if last else float(made._get_variance(t)))
        variances.append(row)
    return means, *variances


def flat(x):
    return np.asarray(x).ravel().tolist()


runs, limited = [], []
for steps, schedule, count, model in [
    (1000, "linear", 1, "mixture"), (1000, "linear", 10, "fake"), (1000, "linear", 50, "mixture"),
    (1000, "cosine", 20, "mixture"), (50, "linear", 50, "mixture"), (50, "linear", 10, "fake"),
    (50, "cosine", 25, "mixture"), (50, "linear", 7, "mixture"), (50, "cosine", 30, "mixture"),
    (50, "linear", 49, "fake"), (50, "linear", 3, "mixture"), (50, "linear", 2, "fake"),
]:
    for spacing in ["leading", "trailing", "linspace"]:
        ours = recursion(steps, schedule, spacing, count, model)
        peer = steps % count == 0 and spacing != "linspace"
        if peer:
            theirs = (ddim(steps, schedule, spacing, count, model), *ddpm(steps, schedule, spacing, count, model))
            for a, b in zip(ours, theirs):
                assert np.abs(np.asarray(a) - np.asarray(b)).max() < 1e-9, (steps, schedule, spacing, count, model)
        x, means, small, large = theirs if peer else ours
        few = sorted({0, count // 2, count - 1})
        runs.append({
            "steps": steps, "schedule": schedule, "spacing": spacing, "count": count, "model": model,
            "source": "diffusers" if peer else "recursion", "timesteps": timesteps(steps, spacing, count).tolist(),
            "ddim": flat(x), "at": few, "means": [flat(means[k]) for k in few], "small": [small[k] for k in few],
            "large": [large[k] for k in few],
        })
for settings, limits in [
    ({"clip": 0.8}, {"clip_sample_range": 0.8}),
    ({"threshold": 0.9}, {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1e9}),
    ({"threshold": 0.55}, {"thresholding": True, "dynamic_thresholding_ratio": 0.55, "sample_max_value": 1e9}),
]:
    for spacing in ["leading", "trailing"]:
        x = ddim(1000, "linear", spacing, 10, "mixture", **limits)
        limited.append({**settings, "spacing": spacing, "ddim": flat(x)})
means, *_ = ddpm(1000, "linear", "leading", 10, "mixture", clip=0.8)

table = {
    "made_by": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__},
    "start": START.tolist(), "runs": runs, "limited": limited, "clipped_means": [flat(m) for m in means],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(table, indent=None, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
print(path, path.stat().st_size)
