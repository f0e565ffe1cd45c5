"""Predictions converted by diffusers: writes parameterisation.json.

DPM-Solver's convert_model_output makes epsilon (dpmsolver) or x0 (dpmsolver++) of each prediction type in VP's variables,
with its sigmas in float64; EulerDiscreteScheduler makes x0 of each where alpha = 1, in float32 as it always computes.
"""

import json
import pathlib

import diffusers
import numpy
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler

TYPES = {"epsilon": "epsilon", "sample": "x0", "v_prediction": "v"}
RATIOS = [150.0, 3.0, 1.0, 0.1, 0.002]  # sigma/alpha
rng = numpy.random.default_rng(3)
X = numpy.round(rng.normal(size=(2, 3)), 4)
PREDICTED = numpy.round(rng.normal(size=(2, 3)), 4)


def dpm(kind, algorithm, ratio):
    scheduler = DPMSolverMultistepScheduler(prediction_type=kind, algorithm_type=algorithm, final_sigmas_type="sigma_min")
    scheduler.set_timesteps(1)
    scheduler.sigmas = torch.tensor([ratio, ratio], dtype=torch.float64)
    scheduler._step_index = 0
    return scheduler.convert_model_output(torch.tensor(PREDICTED), sample=torch.tensor(X)).tolist()


def euler(kind, sigma):
    scheduler = EulerDiscreteScheduler(prediction_type=kind)
    scheduler.set_timesteps(1)
    scheduler.sigmas = torch.tensor([sigma, 0.0], dtype=torch.float64)
    scheduler._step_index = 0
    scheduler.is_scale_input_called = True
    step = scheduler.step(torch.tensor(PREDICTED), scheduler.timesteps[0], torch.tensor(X))
    return step.pred_original_sample.tolist()


cases = []
for diffusers_name, ours in TYPES.items():
    for ratio in RATIOS:
        alpha = 1.0 / numpy.sqrt(1.0 + ratio * ratio)
        level = {"alpha": alpha, "sigma": ratio * alpha, "from": ours}
        cases.append(level | {"to": "epsilon", "values": dpm(diffusers_name, "dpmsolver", ratio)})
        cases.append(level | {"to": "x0", "values": dpm(diffusers_name, "dpmsolver++", ratio)})
        values = euler(diffusers_name, ratio)
        cases.append({"alpha": 1.0, "sigma": ratio, "from": ours, "to": "x0", "values": values})
out = {
    "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__},
    "x": X.tolist(),
    "predicted": PREDICTED.tolist(),
    "cases": cases,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(out) + "\n")
