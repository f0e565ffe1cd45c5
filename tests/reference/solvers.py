"""Samplers by their authors' peers: writes solvers.json.

    python -m pip install numpy scipy torch diffusers && python tests/reference/solvers.py

diffusers' schedulers run in float64 on their own noise levels, which the fixture holds: on the exact score of a
mixture in two dimensions, and on diffusers' own test model ε = x·t/(t + 1). NVIDIA's stochastic sampler (EDM) is
transcribed, as it is no package. SciPy integrates the probability flow in t. Noise comes from Scorefield's definition
of it (src/noise.rs): ChaCha8 and Box–Muller, in NumPy.
"""

import json
import math
import pathlib

import diffusers
import diffusers.schedulers as schedulers
import numpy as np
import scipy
import torch
from scipy.integrate import solve_ivp


class Float64Torch:
    """torch, but what asks for float32 gets float64."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


for name in ["dpmsolver_multistep", "dpmsolver_singlestep", "euler_discrete", "heun_discrete", "ddim", "edm_euler",
             "edm_dpmsolver_multistep", "unipc_multistep"]:
    getattr(schedulers, f"scheduling_{name}").torch = Float64Torch()

INIT = np.array([[1.1, -0.4], [-0.7, 0.9], [0.25, 0.5], [-1.6, -1.2]])
WEIGHTS = np.array([0.6, 0.4])
MEANS = np.array([[1.0, -0.5], [-1.0, 0.7]])
STDS = np.array([[0.3, 0.5], [0.4, 0.2]])


def mixture(x, alpha, sigma):
    """The score of the mixture, diffused to α, σ."""
    variance = (alpha * STDS) ** 2 + sigma**2
    offset = x[:, None, :] - alpha * MEANS
    log = np.log(WEIGHTS) - 0.5 * (np.log(variance) + offset**2 / variance).sum(-1)
    share = np.exp(log - log.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    return (share[:, :, None] * -offset / variance).sum(1)


def noise(seed, shape, purpose, draw):
    """src/noise.rs's normal draws, in float32."""
    out = np.zeros(shape, np.float32)
    for sample in range(shape[0]):
        key = b"".join(int(v).to_bytes(8, "little") for v in (seed, purpose, draw, 0))
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
        u = [((words[2 * i + 1] << 32 | words[2 * i]) >> 11) * 2.0**-53 for i in range(2)]
        assert shape[1] == 2, "one pair a sample"
        radius = math.sqrt(-2 * math.log(1 - u[0]))
        out[sample] = radius * math.cos(2 * math.pi * u[1]), radius * math.sin(2 * math.pi * u[1])
    return out.astype(np.float64)


PREDICTOR, SEED = 2, 11


def vp(ratio):
    """α and σ of a variance-preserving process at σ/α."""
    return 1 / math.sqrt(1 + ratio**2), ratio / math.sqrt(1 + ratio**2)


def eps(model, x, ratio, t):
    """ε̂ at the VP-scaled x."""
    if model == "fake":
        return x * (t / (t + 1))
    alpha, sigma = vp(ratio)
    return -sigma * mixture(x, alpha, sigma)


def tensor(x):
    return torch.from_numpy(np.ascontiguousarray(x))


TRAIN = dict(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
cases = []


def add(name, process, model, settings, ratios, times, final, stride=1):
    """`ratios` and `times` of every evaluation; the sampler's grid is every `stride`-th ratio."""
    assert np.isfinite(final).all(), name
    cases.append(dict(name=name, process=process, model=model, settings=settings, stride=stride,
                      ratios=[float(r) for r in ratios], timesteps=[float(t) for t in times],
                      final=np.asarray(final).ravel().tolist()))


def multistep(steps, model, sde=False, **config):
    algorithm = "sde-dpmsolver++" if sde else "dpmsolver++"
    s = schedulers.DPMSolverMultistepScheduler(**TRAIN, algorithm_type=algorithm, solver_order=2, **config)
    s.set_timesteps(steps)
    s.set_begin_index(0)
    s.sigmas = s.sigmas.double()
    x = INIT
    for i, t in enumerate(s.timesteps):
        e = eps(model, x, float(s.sigmas[i]), float(t))
        z = tensor(noise(SEED, x.shape, PREDICTOR, i)) if sde else None
        x = s.step(tensor(e), t, tensor(x), variance_noise=z).prev_sample.numpy()
    ratios, times = [float(r) for r in s.sigmas], [float(t) for t in s.timesteps]
    zero = ratios[-1] == 0
    add(f"DPMSolverMultistep {algorithm} {steps} {config}", "vp", model,
        dict(sampler="dpm++2m-sde" if sde else "dpm++2m", denoise=zero, seed=SEED),
        ratios[:-1] if zero else ratios, times if zero else times + [0], x)


for model in ["mixture", "fake"]:
    for steps in [10, 20]:
        for spacing in ["linspace", "leading", "trailing"]:
            multistep(steps, model, timestep_spacing=spacing)
    multistep(10, model, final_sigmas_type="sigma_min", lower_order_final=False)
    multistep(5, model, use_lu_lambdas=True)
    multistep(15, model, use_karras_sigmas=True)
    multistep(10, model, sde=True)
    multistep(20, model, sde=True, timestep_spacing="trailing")
    multistep(8, model, sde=True, use_lu_lambdas=True)


def singlestep(steps, order, model, algorithm="dpmsolver"):
    """N steps of one order on levels even in log-SNR: diffusers' own blocks put their inner levels wherever its
    timesteps lie, not at the paper's fractions."""
    s = schedulers.DPMSolverSinglestepScheduler(**TRAIN, algorithm_type=algorithm, solver_order=order,
                                                final_sigmas_type="sigma_min", lower_order_final=False)
    s.set_timesteps(order * steps)
    s.set_begin_index(0)
    s.sigmas = s.sigmas.double()
    s.order_list = s.get_order_list(order * steps)
    ladder = ((1 - s.alphas_cumprod) / s.alphas_cumprod).sqrt().numpy()
    s.sigmas = tensor(np.exp(np.linspace(np.log(ladder[-1]), np.log(ladder[0]), order * steps + 1)))
    times = np.interp(np.log(s.sigmas.numpy()), np.log(ladder), np.arange(1000))
    x = INIT
    for i in range(order * steps):
        e = eps(model, x, float(s.sigmas[i]), times[i])
        # The paper's inner step of order 2 is what diffusers calls heun, its last of order 3 midpoint.
        s.register_to_config(solver_type="heun" if order == 3 and s.order_list[i] == 2 else "midpoint")
        x = s.step(tensor(e), s.timesteps[i], tensor(x)).prev_sample.numpy()
    sampler = dict(sampler="dpm++2s") if algorithm == "dpmsolver++" else dict(sampler="dpm-solver", order=order)
    add(f"DPMSolverSinglestep {algorithm} {order} {steps}", "vp", model, dict(**sampler, denoise=False),
        s.sigmas.numpy(), times, x, order)


for model in ["mixture", "fake"]:
    for order in [1, 2, 3]:
        for steps in [3, 5, 10]:
            singlestep(steps, order, model)
    for steps in [3, 5, 10]:
        singlestep(steps, 2, model, "dpmsolver++")


def discrete(kind, steps, model, **config):
    s = getattr(schedulers, f"{kind}DiscreteScheduler")(**TRAIN, **config)
    s.set_timesteps(steps)
    s.set_begin_index(0)
    s.sigmas = s.sigmas.double()
    x = INIT / vp(float(s.sigmas[0]))[0]
    for i, t in enumerate(s.timesteps):
        scaled = s.scale_model_input(tensor(x), t).numpy()
        e = eps(model, scaled, float(s.sigmas[i]), float(t))
        x = s.step(tensor(e), t, tensor(x)).prev_sample.numpy()
    pairs = dict(zip([float(r) for r in s.sigmas[:-1]], [float(t) for t in s.timesteps]))
    add(f"{kind}Discrete {steps} {config}", "vp", model, dict(sampler=kind.lower()), pairs.keys(), pairs.values(), x)


for model in ["mixture", "fake"]:
    for kind in ["Euler", "Heun"]:
        for steps in [10, 20]:
            for spacing in ["linspace", "trailing"]:
                discrete(kind, steps, model, timestep_spacing=spacing)
        discrete(kind, 8, model, use_karras_sigmas=True)


def ddim(steps, model, eta, **config):
    s = schedulers.DDIMScheduler(**TRAIN, clip_sample=False, **config)
    s.set_timesteps(steps)
    ladder = ((1 - s.alphas_cumprod) / s.alphas_cumprod).sqrt().numpy()
    times = [int(t) for t in s.timesteps]
    one = config.get("set_alpha_to_one", True)
    x = INIT
    for i, t in enumerate(times if one else times[:-1]):
        e = eps(model, x, ladder[t], t)
        z = tensor(noise(SEED, x.shape, PREDICTOR, i)) if eta else None
        x = s.step(tensor(e), t, tensor(x), eta=eta, variance_noise=z).prev_sample.numpy()
    add(f"DDIM {steps} eta {eta} {config}", "vp", model, dict(sampler="ddim", eta=eta, denoise=one, seed=SEED),
        [ladder[t] for t in times], times, x)


for model in ["mixture", "fake"]:
    for eta in [0.0, 0.5, 1.0]:
        # Steps that divide 1000: elsewhere diffusers strides wrongly.
        ddim(10, model, eta)
        ddim(20, model, eta, timestep_spacing="trailing")
        ddim(10, model, eta, set_alpha_to_one=False)


def edm(kind, steps, model):
    s = getattr(schedulers, f"EDM{kind}Scheduler")(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5)
    s.set_timesteps(steps)
    s.set_begin_index(0)
    s.sigmas = s.sigmas.double()
    x = INIT * float(s.sigmas[0])
    for i, t in enumerate(s.timesteps):
        sigma = float(s.sigmas[i])
        skip, out = 0.25 / (sigma**2 + 0.25), sigma * 0.5 / math.sqrt(sigma**2 + 0.25)
        if model == "fake":
            f = s.scale_model_input(tensor(x), t).numpy() * (float(t) / (float(t) + 1))
        else:
            s.scale_model_input(tensor(x), t)
            f = (x + sigma**2 * mixture(x, 1.0, sigma) - skip * x) / out
        x = s.step(tensor(f), t, tensor(x)).prev_sample.numpy()
    name = "euler" if kind == "Euler" else "dpm++2m"
    add(f"EDM{kind} {steps}", "ve", "edm-fake" if model == "fake" else model, dict(sampler=name),
        [float(r) for r in s.sigmas[:-1]], [float(t) for t in s.timesteps], x)


for model in ["mixture", "fake"]:
    for steps in [5, 10, 18]:
        edm("Euler", steps, model)
        edm("DPMSolverMultistep", steps, model)


def churned(steps, churn, s_min, s_max, s_noise, low=0.002, high=80.0, rho=7):
    """`edm_sampler` of NVlabs/edm's generate.py, with the mixture's denoiser."""
    i = np.arange(steps)
    t_steps = (high ** (1 / rho) + i / (steps - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    t_steps = np.append(t_steps, 0.0)
    net = lambda x, sigma: x + sigma**2 * mixture(x, 1.0, sigma)
    x_next = INIT * t_steps[0]
    for i, (t_cur, t_next) in enumerate(zip(t_steps[:-1], t_steps[1:])):
        x_cur = x_next
        gamma = min(churn / steps, np.sqrt(2) - 1) if s_min <= t_cur <= s_max else 0
        t_hat = t_cur + gamma * t_cur
        x_hat = x_cur + np.sqrt(t_hat**2 - t_cur**2) * s_noise * noise(SEED, x_cur.shape, PREDICTOR, i)
        d_cur = (x_hat - net(x_hat, t_hat)) / t_hat
        x_next = x_hat + (t_next - t_hat) * d_cur
        if i < steps - 1:
            d_prime = (x_next - net(x_next, t_next)) / t_next
            x_next = x_hat + (t_next - t_hat) * (0.5 * d_cur + 0.5 * d_prime)
    settings = dict(sampler="edm", churn=churn, churn_min=s_min, churn_max=s_max, churn_noise=s_noise, seed=SEED)
    add(f"edm_sampler {steps} churn {churn}", "ve", "mixture", settings, t_steps[:-1], np.zeros(steps), x_next)


churned(18, 0, 0, 1e9, 1)
churned(18, 10, 0.05, 50, 1.003)
churned(40, 40, 0.05, 50, 1.003)
churned(10, 80, 0.01, 1, 1.007)


def unipc(steps, order, bh, model, **config):
    s = schedulers.UniPCMultistepScheduler(**TRAIN, solver_order=order, solver_type=bh, **config)
    s.set_timesteps(steps)
    s.set_begin_index(0)
    s.sigmas = s.sigmas.double()
    x = INIT
    for i, t in enumerate(s.timesteps):
        e = eps(model, x, float(s.sigmas[i]), float(t))
        x = s.step(tensor(e), t, tensor(x)).prev_sample.numpy()
    ratios, times = [float(r) for r in s.sigmas], [float(t) for t in s.timesteps]
    zero = ratios[-1] == 0
    add(f"UniPCMultistep {order} {bh} {steps} {config}", "vp", model,
        dict(sampler="unipc", order=order, bh=bh, denoise=zero),
        ratios[:-1] if zero else ratios, times if zero else times + [0], x)


# Its systems of equations are made of Python numbers.
torch.set_default_dtype(torch.float64)
for model in ["mixture", "fake"]:
    for order in [1, 2, 3]:
        for bh in ["bh1", "bh2"]:
            # To σ = 0 diffusers multiplies bh1's B(h) = −∞ by nothing.
            ends = ["sigma_min"] if bh == "bh1" else ["sigma_min", "zero"]
            for end in ends:
                unipc(5, order, bh, model, final_sigmas_type=end)
                unipc(10, order, bh, model, timestep_spacing="trailing", final_sigmas_type=end)
                if end == "zero":
                    unipc(20, order, bh, model, use_karras_sigmas=True)

# The probability flow dx/dt = f·x − ½g²·s from t = 1.
flows = []
for kind, end in [("ve", 1e-5), ("vp", 1e-3), ("sub-vp", 1e-3)]:

    def slope(t, x):
        x = x.reshape(INIT.shape)
        if kind == "ve":
            sigma = 0.01 * 5000**t
            return (-0.5 * 2 * sigma**2 * math.log(5000) * mixture(x, 1.0, sigma)).ravel()
        beta, log = 0.1 + 19.9 * t, -0.25 * t * t * 19.9 - 0.05 * t
        alpha, var = math.exp(log), -math.expm1(2 * log)
        g2, sigma = (beta, math.sqrt(var)) if kind == "vp" else (-beta * math.expm1(4 * log), var)
        return (-0.5 * beta * x - 0.5 * g2 * mixture(x, alpha, sigma)).ravel()

    start = INIT * (50 if kind == "ve" else 1)
    out = solve_ivp(slope, (1.0, end), start.ravel(), method="DOP853", rtol=1e-12, atol=1e-13)
    assert out.success
    flows.append(dict(process=kind, start=start.ravel().tolist(), final=out.y[:, -1].tolist()))

versions = dict(diffusers=diffusers.__version__, torch=torch.__version__, numpy=np.__version__, scipy=scipy.__version__)
path = pathlib.Path(__file__).with_suffix(".json")
lines = ",\n".join(json.dumps(case) for case in cases)
flows = ",\n".join(json.dumps(flow) for flow in flows)
head = f'{{"versions": {json.dumps(versions)},\n"init": {json.dumps(INIT.ravel().tolist())},\n"noise": '
head += json.dumps(noise(SEED, INIT.shape, PREDICTOR, 3).ravel().tolist())
path.write_text(f'{head},\n"cases": [\n{lines}\n],\n"flows": [\n{flows}\n]}}\n')
print(f"{len(cases)} cases, {path.stat().st_size} bytes: {path}; {versions}")
