// Made by `scorefield schema`: the samplers and their settings. Not to be edited.

export const schema = {
  "samplers": [
    {
      "caption": "Heun’s method on the probability flow",
      "evaluations": 2,
      "group": "ODE",
      "help": "probability-flow ODE by Heun's method; order 2, 2 NFE per step (1 where a step is too long)",
      "name": "heun",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2206.00364",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 18,
      "stochastic": false,
      "title": "Heun"
    },
    {
      "caption": "Euler’s method on the probability flow",
      "evaluations": 1,
      "group": "ODE",
      "help": "probability-flow ODE by Euler's method; order 1, 1 NFE per step",
      "name": "euler",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2206.00364",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 40,
      "stochastic": false,
      "title": "Euler"
    },
    {
      "caption": "the classical Runge–Kutta method on the probability flow",
      "evaluations": 4,
      "group": "ODE",
      "help": "probability-flow ODE by Runge–Kutta; order 4, 4 NFE per step (1 where a step is too long)",
      "name": "rk4",
      "needsDensity": false,
      "paper": "https://doi.org/10.1007/978-3-540-78862-1",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 10,
      "stochastic": false,
      "title": "Runge–Kutta 4"
    },
    {
      "caption": "Dormand and Prince’s adaptive method on the probability flow",
      "evaluations": 8,
      "group": "ODE",
      "help": "probability-flow ODE by Dormand and Prince's 5(4) to --rtol, --atol; 6 NFE per step, as many steps as it needs",
      "name": "ode",
      "needsDensity": false,
      "paper": "https://doi.org/10.1016/0771-050X(80)90013-3",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "n",
        "seed",
        "label",
        "guidance",
        "rtol",
        "atol",
        "t_end",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": null,
      "stochastic": false,
      "title": "Dormand–Prince 5(4), adaptive"
    },
    {
      "caption": "DDIM",
      "evaluations": 1,
      "group": "ODE",
      "help": "DDIM; order 1, 1 NFE per step, --eta from deterministic (0) to ancestral (1)",
      "name": "ddim",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2010.02502",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "eta",
        "spacing",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [
        "ddpm",
        "smld"
      ],
      "stays": false,
      "steps": 40,
      "stochastic": false,
      "title": "DDIM"
    },
    {
      "caption": "DPM-Solver",
      "evaluations": 2,
      "group": "ODE",
      "help": "DPM-Solver; --order 1 to 3, as many NFE per step (1 where a step is too long)",
      "name": "dpm-solver",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2206.00927",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "order",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 18,
      "stochastic": false,
      "title": "DPM-Solver"
    },
    {
      "caption": "DPM-Solver++(2S)",
      "evaluations": 2,
      "group": "ODE",
      "help": "DPM-Solver++ 2S, single-step; order 2, 2 NFE per step",
      "name": "dpm++2s",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2211.01095",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 18,
      "stochastic": false,
      "title": "DPM-Solver++ 2S"
    },
    {
      "caption": "DPM-Solver++(2M)",
      "evaluations": 1,
      "group": "ODE",
      "help": "DPM-Solver++ 2M, multistep; order 2, 1 NFE per step",
      "name": "dpm++2m",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2211.01095",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 20,
      "stochastic": false,
      "title": "DPM-Solver++ 2M"
    },
    {
      "caption": "UniPC",
      "evaluations": 1,
      "group": "ODE",
      "help": "UniPC, predictor and corrector, multistep; --order 1 to 3, 1 NFE per step",
      "name": "unipc",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2302.04867",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "order",
        "bh",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 20,
      "stochastic": false,
      "title": "UniPC"
    },
    {
      "caption": "EDM’s stochastic Heun sampler",
      "evaluations": 2,
      "group": "ODE",
      "help": "EDM's Heun with --churn (0: deterministic); 2 NFE per step (1 where a step is too long)",
      "name": "edm",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2206.00364",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "churn",
        "churn_min",
        "churn_max",
        "churn_noise",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 18,
      "stochastic": true,
      "title": "EDM, with churn"
    },
    {
      "caption": "Euler–Maruyama on the reverse SDE",
      "evaluations": 1,
      "group": "SDE",
      "help": "reverse SDE by Euler–Maruyama; stochastic, 1 NFE per step",
      "name": "euler-maruyama",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2011.13456",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 200,
      "stochastic": true,
      "title": "Euler–Maruyama"
    },
    {
      "caption": "a stochastic Heun method on the reverse SDE",
      "evaluations": 2,
      "group": "SDE",
      "help": "reverse SDE by a stochastic Heun method; stochastic, weak order 2, 2 NFE per step",
      "name": "stochastic-heun",
      "needsDensity": false,
      "paper": "Kloeden & Platen 1992, Numerical Solution of Stochastic Differential Equations, § 15.1",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 50,
      "stochastic": true,
      "title": "Stochastic Heun"
    },
    {
      "caption": "reverse diffusion",
      "evaluations": 1,
      "group": "SDE",
      "help": "reverse SDE discretised as the forward process is; stochastic, 1 NFE per step",
      "name": "reverse-diffusion",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2011.13456",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 200,
      "stochastic": true,
      "title": "Reverse diffusion"
    },
    {
      "caption": "ancestral sampling",
      "evaluations": 1,
      "group": "SDE",
      "help": "DDPM's and SMLD's chains backwards, on any process; stochastic, 1 NFE per step",
      "name": "ancestral",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2011.13456",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "spacing",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [
        "ddpm",
        "smld"
      ],
      "stays": false,
      "steps": 200,
      "stochastic": true,
      "title": "Ancestral"
    },
    {
      "caption": "SDE-DPM-Solver++(2M)",
      "evaluations": 1,
      "group": "SDE",
      "help": "DPM-Solver++ 2M on the reverse SDE; stochastic, 1 NFE per step",
      "name": "dpm++2m-sde",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2211.01095",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 20,
      "stochastic": true,
      "title": "DPM-Solver++ 2M SDE"
    },
    {
      "caption": "predictor–corrector sampling",
      "evaluations": 2,
      "group": "SDE",
      "help": "predictor–corrector in any pairing; stochastic, 1 NFE per predictor and corrector step",
      "name": "pc",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2011.13456",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "predictor",
        "corrector",
        "corrector_steps",
        "snr",
        "norms",
        "pc_order",
        "leapfrog_steps",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 100,
      "stochastic": true,
      "title": "Predictor–corrector"
    },
    {
      "caption": "DDPM",
      "evaluations": 1,
      "group": "Discrete",
      "help": "DDPM's discrete chain, on every level or a stride (--spacing, --variance); stochastic, 1 NFE per step",
      "name": "ddpm",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2006.11239",
      "processes": [
        "ddpm",
        "vp"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "spacing",
        "variance",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [
        "vp",
        "ddpm"
      ],
      "stays": false,
      "steps": 200,
      "stochastic": true,
      "title": "DDPM"
    },
    {
      "caption": "unadjusted Langevin dynamics",
      "evaluations": 1,
      "group": "Langevin",
      "help": "unadjusted Langevin dynamics, at the level of --t-end; stochastic, 1 NFE per step",
      "name": "ula",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/1907.05600",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld",
        "none"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "convention",
        "step_size",
        "t_end",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": true,
      "steps": 100,
      "stochastic": true,
      "title": "Langevin, unadjusted"
    },
    {
      "caption": "Metropolis-adjusted Langevin dynamics",
      "evaluations": 2,
      "group": "Langevin",
      "help": "Langevin dynamics with Metropolis's test, at --t-end; needs a log-density; 1 NFE per step, 1 more at the start",
      "name": "mala",
      "needsDensity": true,
      "paper": "https://doi.org/10.2307/3318418",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld",
        "none"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "convention",
        "step_size",
        "t_end",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": true,
      "steps": 100,
      "stochastic": true,
      "title": "Langevin, Metropolis-adjusted"
    },
    {
      "caption": "Hamiltonian Monte Carlo",
      "evaluations": 1001,
      "group": "Langevin",
      "help": "Hamiltonian Monte Carlo, at --t-end; needs a log-density; --leapfrog-steps NFE per step, 1 more at the start",
      "name": "hmc",
      "needsDensity": true,
      "paper": "https://arxiv.org/abs/1206.1901",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld",
        "none"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "step_size",
        "leapfrog_steps",
        "t_end",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": true,
      "steps": 50,
      "stochastic": true,
      "title": "Hamiltonian Monte Carlo"
    },
    {
      "caption": "annealed Langevin dynamics",
      "evaluations": 5,
      "group": "Langevin",
      "help": "Langevin dynamics over a ladder of --steps levels; stochastic, --level-steps NFE per level, whose bias falls with them",
      "name": "annealed-langevin",
      "needsDensity": false,
      "paper": "https://arxiv.org/abs/2006.09011",
      "processes": [
        "vp",
        "sub-vp",
        "ve",
        "edm",
        "ddpm",
        "smld"
      ],
      "settings": [
        "sampler",
        "steps",
        "n",
        "seed",
        "label",
        "guidance",
        "convention",
        "step_size",
        "level_steps",
        "grid",
        "t_end",
        "times",
        "denoise",
        "clip",
        "threshold"
      ],
      "spaced": [],
      "stays": false,
      "steps": 50,
      "stochastic": true,
      "title": "Annealed Langevin"
    }
  ],
  "settings": [
    {
      "choices": [
        {
          "help": "probability-flow ODE by Heun's method; order 2, 2 NFE per step (1 where a step is too long)",
          "title": "Heun",
          "value": "heun"
        },
        {
          "help": "probability-flow ODE by Euler's method; order 1, 1 NFE per step",
          "title": "Euler",
          "value": "euler"
        },
        {
          "help": "probability-flow ODE by Runge–Kutta; order 4, 4 NFE per step (1 where a step is too long)",
          "title": "Runge–Kutta 4",
          "value": "rk4"
        },
        {
          "help": "probability-flow ODE by Dormand and Prince's 5(4) to --rtol, --atol; 6 NFE per step, as many steps as it needs",
          "title": "Dormand–Prince 5(4), adaptive",
          "value": "ode"
        },
        {
          "help": "DDIM; order 1, 1 NFE per step, --eta from deterministic (0) to ancestral (1)",
          "title": "DDIM",
          "value": "ddim"
        },
        {
          "help": "DPM-Solver; --order 1 to 3, as many NFE per step (1 where a step is too long)",
          "title": "DPM-Solver",
          "value": "dpm-solver"
        },
        {
          "help": "DPM-Solver++ 2S, single-step; order 2, 2 NFE per step",
          "title": "DPM-Solver++ 2S",
          "value": "dpm++2s"
        },
        {
          "help": "DPM-Solver++ 2M, multistep; order 2, 1 NFE per step",
          "title": "DPM-Solver++ 2M",
          "value": "dpm++2m"
        },
        {
          "help": "UniPC, predictor and corrector, multistep; --order 1 to 3, 1 NFE per step",
          "title": "UniPC",
          "value": "unipc"
        },
        {
          "help": "EDM's Heun with --churn (0: deterministic); 2 NFE per step (1 where a step is too long)",
          "title": "EDM, with churn",
          "value": "edm"
        },
        {
          "help": "reverse SDE by Euler–Maruyama; stochastic, 1 NFE per step",
          "title": "Euler–Maruyama",
          "value": "euler-maruyama"
        },
        {
          "help": "reverse SDE by a stochastic Heun method; stochastic, weak order 2, 2 NFE per step",
          "title": "Stochastic Heun",
          "value": "stochastic-heun"
        },
        {
          "help": "reverse SDE discretised as the forward process is; stochastic, 1 NFE per step",
          "title": "Reverse diffusion",
          "value": "reverse-diffusion"
        },
        {
          "help": "DDPM's and SMLD's chains backwards, on any process; stochastic, 1 NFE per step",
          "title": "Ancestral",
          "value": "ancestral"
        },
        {
          "help": "DPM-Solver++ 2M on the reverse SDE; stochastic, 1 NFE per step",
          "title": "DPM-Solver++ 2M SDE",
          "value": "dpm++2m-sde"
        },
        {
          "help": "predictor–corrector in any pairing; stochastic, 1 NFE per predictor and corrector step",
          "title": "Predictor–corrector",
          "value": "pc"
        },
        {
          "help": "DDPM's discrete chain, on every level or a stride (--spacing, --variance); stochastic, 1 NFE per step",
          "title": "DDPM",
          "value": "ddpm"
        },
        {
          "help": "unadjusted Langevin dynamics, at the level of --t-end; stochastic, 1 NFE per step",
          "title": "Langevin, unadjusted",
          "value": "ula"
        },
        {
          "help": "Langevin dynamics with Metropolis's test, at --t-end; needs a log-density; 1 NFE per step, 1 more at the start",
          "title": "Langevin, Metropolis-adjusted",
          "value": "mala"
        },
        {
          "help": "Hamiltonian Monte Carlo, at --t-end; needs a log-density; --leapfrog-steps NFE per step, 1 more at the start",
          "title": "Hamiltonian Monte Carlo",
          "value": "hmc"
        },
        {
          "help": "Langevin dynamics over a ladder of --steps levels; stochastic, --level-steps NFE per level, whose bias falls with them",
          "title": "Annealed Langevin",
          "value": "annealed-langevin"
        }
      ],
      "default": "dpm++2m-sde",
      "help": "The sampler (--list-samplers says what each does)",
      "name": "sampler",
      "title": "Sampler",
      "type": "choice"
    },
    {
      "default": null,
      "help": "Updates, on one time more from 1 to t-end; without it the sampler's own number",
      "max": 100000,
      "min": 1,
      "name": "steps",
      "placeholder": "the sampler’s own",
      "step": 1,
      "title": "Steps",
      "type": "integer"
    },
    {
      "default": 16,
      "help": "Samples",
      "max": 1024,
      "min": 1,
      "name": "n",
      "step": 1,
      "title": "Samples",
      "type": "integer"
    },
    {
      "default": 0,
      "help": "Seed, 0 to 9007199254740991 (2⁵³ − 1): one seed gives one picture on every device",
      "max": 9007199254740991,
      "min": 0,
      "name": "seed",
      "step": 1,
      "title": "Seed",
      "type": "integer"
    },
    {
      "default": null,
      "help": "Class to draw, counted from 0; without it, whatever the model gives unconditionally",
      "max": 65535,
      "min": 0,
      "name": "label",
      "placeholder": "any",
      "step": 1,
      "title": "Class",
      "type": "integer"
    },
    {
      "default": 1.0,
      "help": "Classifier-free guidance w: s∅ + w·(s_label − s∅), 1 is plain conditional; values but 0 and 1 cost two NFE",
      "max": 100.0,
      "min": 0.0,
      "name": "guidance",
      "step": "any",
      "title": "Guidance",
      "type": "number"
    },
    {
      "choices": [
        {
          "help": "The forward process's own discretisation, reversed",
          "title": "Reverse diffusion",
          "value": "reverse-diffusion"
        },
        {
          "help": "Euler–Maruyama on the reverse SDE",
          "title": "Euler–Maruyama",
          "value": "euler-maruyama"
        },
        {
          "help": "DDPM's and SMLD's chains backwards",
          "title": "Ancestral",
          "value": "ancestral"
        },
        {
          "help": "Euler on the probability flow (DDIM)",
          "title": "Euler",
          "value": "euler"
        },
        {
          "help": "No predictor: correctors only",
          "title": "None",
          "value": "none"
        }
      ],
      "default": "reverse-diffusion",
      "help": "Predictor of pc",
      "name": "predictor",
      "title": "Predictor",
      "type": "choice"
    },
    {
      "choices": [
        {
          "help": "Langevin steps, sized by the signal-to-noise ratio --snr",
          "title": "Langevin",
          "value": "langevin"
        },
        {
          "help": "Langevin steps of 2α(snr·σ)², whatever the score (annealed Langevin dynamics, as in the paper's code)",
          "title": "ALD",
          "value": "ald"
        },
        {
          "help": "Hamiltonian Monte Carlo moves of --leapfrog-steps; accepted or rejected where there is a log-density",
          "title": "Hamiltonian Monte Carlo",
          "value": "hmc"
        },
        {
          "help": "No corrector",
          "title": "None",
          "value": "none"
        }
      ],
      "default": "langevin",
      "help": "Corrector of pc",
      "name": "corrector",
      "title": "Corrector",
      "type": "choice"
    },
    {
      "default": 1,
      "help": "Corrector steps of pc at each level",
      "max": 1000,
      "min": 1,
      "name": "corrector_steps",
      "step": 1,
      "title": "Corrector steps",
      "type": "integer",
      "when": {
        "setting": "corrector",
        "values": [
          "langevin",
          "ald",
          "hmc"
        ]
      }
    },
    {
      "default": 0.16,
      "help": "Signal-to-noise ratio of the corrector: its step is 2α(snr·‖z‖/‖s‖)²; ald's 2α(snr·σ)², a leap of hmc's 2√α·snr·σ",
      "max": 10.0,
      "min": 0.0001,
      "name": "snr",
      "step": "any",
      "title": "Corrector SNR",
      "type": "number",
      "when": {
        "setting": "corrector",
        "values": [
          "langevin",
          "ald",
          "hmc"
        ]
      }
    },
    {
      "choices": [
        {
          "help": "Those expected, √d of noise and √d/σ of the score: right in any number of dimensions",
          "title": "Expected",
          "value": "expected"
        },
        {
          "help": "Each sample's own: only for samples of some hundred dimensions or more",
          "title": "Sample",
          "value": "sample"
        },
        {
          "help": "Means over the batch, as in score_sde; samples then depend on those drawn with them",
          "title": "Batch",
          "value": "batch"
        }
      ],
      "default": "expected",
      "help": "Norms of the corrector's step rule",
      "name": "norms",
      "title": "Corrector norms",
      "type": "choice",
      "when": {
        "setting": "corrector",
        "values": [
          "langevin"
        ]
      }
    },
    {
      "choices": [
        {
          "help": "Predict, then correct at the new level (the paper's algorithm 1)",
          "title": "Paper",
          "value": "paper"
        },
        {
          "help": "Correct at the old level, then predict (the paper's code)",
          "title": "Score SDE",
          "value": "score-sde"
        }
      ],
      "default": "paper",
      "help": "Order of pc's two halves",
      "name": "pc_order",
      "title": "Order of the two",
      "type": "choice",
      "when": {
        "setting": "corrector",
        "values": [
          "langevin",
          "ald",
          "hmc"
        ]
      }
    },
    {
      "default": 0.0,
      "help": "Noise of ddim, 0 (none) to 1 (ancestral)",
      "max": 1.0,
      "min": 0.0,
      "name": "eta",
      "step": "any",
      "title": "Noise η",
      "type": "number"
    },
    {
      "default": 2,
      "help": "Order of dpm-solver, 1 to 3: as many evaluations per step; and of unipc's predictor",
      "max": 3,
      "min": 1,
      "name": "order",
      "step": 1,
      "title": "Order",
      "type": "integer"
    },
    {
      "choices": [
        {
          "help": "−h: the paper's B₁, for few steps without guidance",
          "title": "Bh1",
          "value": "bh1"
        },
        {
          "help": "e⁻ʰ − 1: the paper's B₂",
          "title": "Bh2",
          "value": "bh2"
        }
      ],
      "default": "bh2",
      "help": "B(h) of unipc's steps",
      "name": "bh",
      "title": "B(h)",
      "type": "choice"
    },
    {
      "default": 0.0,
      "help": "Noise that edm adds before its steps (S_churn); 0 is its deterministic sampler, heun",
      "max": 1000000.0,
      "min": 0.0,
      "name": "churn",
      "step": "any",
      "title": "Churn",
      "type": "number"
    },
    {
      "default": 0.0,
      "help": "Least σ/α at which edm adds noise (S_min)",
      "max": 1000000000.0,
      "min": 0.0,
      "name": "churn_min",
      "step": "any",
      "title": "Churn from σ/α",
      "type": "number"
    },
    {
      "default": 1000000000.0,
      "help": "Largest σ/α at which edm adds noise (S_max)",
      "max": 1000000000.0,
      "min": 0.0,
      "name": "churn_max",
      "placeholder": "any",
      "step": "any",
      "title": "Churn to σ/α",
      "type": "number"
    },
    {
      "default": 1.0,
      "help": "Standard deviation of edm's noise (S_noise)",
      "max": 10.0,
      "min": 0.0,
      "name": "churn_noise",
      "step": "any",
      "title": "Churn noise",
      "type": "number"
    },
    {
      "default": 0.00001,
      "help": "Relative tolerance of ode",
      "max": 1.0,
      "min": 1e-12,
      "name": "rtol",
      "step": "any",
      "title": "Relative tolerance",
      "type": "number"
    },
    {
      "default": 0.00001,
      "help": "Absolute tolerance of ode",
      "max": 1.0,
      "min": 1e-12,
      "name": "atol",
      "step": "any",
      "title": "Absolute tolerance",
      "type": "number"
    },
    {
      "choices": [
        {
          "help": "x + (ε/2)·s + √ε·z: NCSN's paper",
          "title": "Half",
          "value": "half"
        },
        {
          "help": "x + ε·s + √(2ε)·z: NCSN's code, NCSNv2",
          "title": "Full",
          "value": "full"
        },
        {
          "help": "x + (ε²/2)·s + ε·z",
          "title": "Squared",
          "value": "squared"
        }
      ],
      "default": "full",
      "help": "What Langevin's step size means: half (ε/2, √ε), full (ε, √2ε) or squared (ε²/2, ε)",
      "name": "convention",
      "title": "Step convention",
      "type": "choice"
    },
    {
      "default": null,
      "help": "Step size ε of ula and mala, of annealed-langevin at its last level, and of one leap of hmc (without convention); without it the sampler's own, by the narrowest width that the samples can have",
      "max": 1000000.0,
      "min": 1e-12,
      "name": "step_size",
      "placeholder": "the sampler’s own",
      "step": "any",
      "title": "Step size ε",
      "type": "number"
    },
    {
      "default": null,
      "help": "Leapfrog steps of one move of hmc, the sampler or the corrector; without it about a quarter turn of the narrowest direction, by steps that vary a little",
      "max": 1000,
      "min": 1,
      "name": "leapfrog_steps",
      "placeholder": "a quarter turn",
      "step": 1,
      "title": "Leapfrog steps",
      "type": "integer",
      "when": {
        "setting": "corrector",
        "values": [
          "hmc"
        ]
      }
    },
    {
      "default": 5,
      "help": "Langevin steps of annealed-langevin at each level (T), whose bias in the weights of a mixture falls with them; --steps counts the levels",
      "max": 10000,
      "min": 1,
      "name": "level_steps",
      "step": 1,
      "title": "Steps per level",
      "type": "integer"
    },
    {
      "choices": [
        {
          "help": "From the first time on: 1, 1 + k, 1 + 2k …",
          "title": "Leading",
          "value": "leading"
        },
        {
          "help": "From the last time back: N, N − k, N − 2k …",
          "title": "Trailing",
          "value": "trailing"
        },
        {
          "help": "Both the first and the last",
          "title": "Linspace",
          "value": "linspace"
        }
      ],
      "default": "leading",
      "help": "Levels that ddpm visits, and ddim and ancestral on a ddpm or smld model; a --grid or --times overrides it",
      "name": "spacing",
      "title": "Spacing",
      "type": "choice"
    },
    {
      "choices": [
        {
          "help": "The posterior's β̃, right for data that is a point",
          "title": "Small",
          "value": "small"
        },
        {
          "help": "β, right for data of unit variance",
          "title": "Large",
          "value": "large"
        }
      ],
      "default": "small",
      "help": "Variance of ddpm's steps",
      "name": "variance",
      "title": "Variance",
      "type": "choice"
    },
    {
      "choices": [
        {
          "help": "Even in t",
          "title": "Uniform",
          "value": "uniform"
        },
        {
          "help": "Even in √t: denser near the data",
          "title": "Quadratic",
          "value": "quadratic"
        },
        {
          "help": "Even in the logarithm of the signal-to-noise ratio",
          "title": "Log SNR",
          "value": "log-snr"
        },
        {
          "help": "EDM's, even in (σ/α)^(1/7)",
          "title": "Karras",
          "value": "karras"
        }
      ],
      "default": null,
      "help": "Time grid; without it --spacing's levels where there are such, else the sampler's own: karras for VE and EDM and for heun on VP, log-snr for dpm and annealed-langevin, quadratic for stochastic-heun, else uniform",
      "name": "grid",
      "placeholder": "the sampler’s own",
      "title": "Time grid",
      "type": "choice"
    },
    {
      "default": null,
      "help": "Last time, and the level of ula, mala and hmc; without it 1e-3 for VP and sub-VP, 1e-5 for VE, sigma_min/sigma_max for EDM, 1/N for DDPM, 0 for SMLD and where --spacing rules",
      "max": 0.999999,
      "min": 0.0,
      "name": "t_end",
      "placeholder": "the process’s own",
      "step": "any",
      "title": "Last time",
      "type": "number"
    },
    {
      "default": null,
      "help": "The times themselves, from 1 to the last, in place of --steps, --grid and --t-end",
      "name": "times",
      "placeholder": "1, 0.5, 0.001",
      "replaces": [
        "steps",
        "grid",
        "t_end",
        "spacing"
      ],
      "title": "Times",
      "type": "numbers"
    },
    {
      "default": true,
      "help": "End with Tweedie's estimate at t-end, for one more evaluation: data, where off leaves samples at the level of t-end; without noise there it does nothing",
      "name": "denoise",
      "title": "Final denoising",
      "type": "boolean"
    },
    {
      "default": null,
      "help": "Largest size of a value of the denoised estimate; without it no limit",
      "max": 1000000.0,
      "min": 0.001,
      "name": "clip",
      "placeholder": "never",
      "step": "any",
      "title": "Clip x̂₀ at",
      "type": "number"
    },
    {
      "default": null,
      "help": "Dynamic thresholding of the denoised estimate at this quantile of each sample's sizes, down to --clip or 1",
      "max": 1.0,
      "min": 0.5,
      "name": "threshold",
      "placeholder": "none",
      "step": "any",
      "title": "Threshold quantile",
      "type": "number"
    }
  ]
};
