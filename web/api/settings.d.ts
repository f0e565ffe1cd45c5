// Made by `scorefield schema --typescript`: the settings of a run. Not to be edited.

/** A sampler's name. */
export type SamplerName =
  /** Probability-flow ODE by Heun's method; order 2, 2 NFE per step (1 where a step is too long). */
  | 'heun'
  /** Probability-flow ODE by Euler's method; order 1, 1 NFE per step. */
  | 'euler'
  /** Probability-flow ODE by Runge–Kutta; order 4, 4 NFE per step (1 where a step is too long). */
  | 'rk4'
  /** Probability-flow ODE by Dormand and Prince's 5(4) to --rtol, --atol; 6 NFE per step, as many steps as it needs. */
  | 'ode'
  /** DDIM; order 1, 1 NFE per step, --eta from deterministic (0) to ancestral (1). */
  | 'ddim'
  /** DPM-Solver; --order 1 to 3, as many NFE per step (1 where a step is too long). */
  | 'dpm-solver'
  /** DPM-Solver++ 2S, single-step; order 2, 2 NFE per step. */
  | 'dpm++2s'
  /** DPM-Solver++ 2M, multistep; order 2, 1 NFE per step. */
  | 'dpm++2m'
  /** UniPC, predictor and corrector, multistep; --order 1 to 3, 1 NFE per step. */
  | 'unipc'
  /** EDM's Heun with --churn (0: deterministic); 2 NFE per step (1 where a step is too long). */
  | 'edm'
  /** Reverse SDE by Euler–Maruyama; stochastic, 1 NFE per step. */
  | 'euler-maruyama'
  /** Reverse SDE by a stochastic Heun method; stochastic, weak order 2, 2 NFE per step. */
  | 'stochastic-heun'
  /** Reverse SDE discretised as the forward process is; stochastic, 1 NFE per step. */
  | 'reverse-diffusion'
  /** DDPM's and SMLD's chains backwards, on any process; stochastic, 1 NFE per step. */
  | 'ancestral'
  /** DPM-Solver++ 2M on the reverse SDE; stochastic, 1 NFE per step. */
  | 'dpm++2m-sde'
  /** Predictor–corrector in any pairing; stochastic, 1 NFE per predictor and corrector step. */
  | 'pc'
  /** DDPM's discrete chain, on every level or a stride (--spacing, --variance); stochastic, 1 NFE per step. */
  | 'ddpm'
  /** Unadjusted Langevin dynamics, at the level of --t-end; stochastic, 1 NFE per step. */
  | 'ula'
  /** Langevin dynamics with Metropolis's test, at --t-end; needs a log-density; 1 NFE per step, 1 more at the start. */
  | 'mala'
  /** Hamiltonian Monte Carlo, at --t-end; needs a log-density; --leapfrog-steps NFE per step, 1 more at the start. */
  | 'hmc'
  /** Langevin dynamics over a ladder of --steps levels; stochastic, --level-steps NFE per level, whose bias falls with them. */
  | 'annealed-langevin';

/** What a run takes: the names, ranges and defaults of the command line's flags. */
export interface Settings {
  /** The sampler (--list-samplers says what each does). Default dpm++2m-sde. */
  sampler?: SamplerName;
  /** Updates, on one time more from 1 to t-end; without it the sampler's own number. A whole number from 1 to 100000. Not of ode. */
  steps?: number;
  /** Samples. A whole number from 1 to 1024. Default 16. */
  n?: number;
  /** Seed, 0 to 9007199254740991 (2⁵³ − 1): one seed gives one picture on every device. A whole number from 0 to 9007199254740991. Default 0. */
  seed?: number;
  /** Class to draw, counted from 0; without it, whatever the model gives unconditionally. A whole number from 0 to 65535. */
  label?: number | null;
  /** Classifier-free guidance w: s∅ + w·(s_label − s∅), 1 is plain conditional; values but 0 and 1 cost two NFE. A number from 0 to 100. Default 1. */
  guidance?: number;
  /** Predictor of pc. Default reverse-diffusion. Of pc. */
  predictor?: 'reverse-diffusion' | 'euler-maruyama' | 'ancestral' | 'euler' | 'none';
  /** Corrector of pc. Default langevin. Of pc. */
  corrector?: 'langevin' | 'ald' | 'hmc' | 'none';
  /** Corrector steps of pc at each level. A whole number from 1 to 1000. Default 1. Of pc. */
  corrector_steps?: number;
  /** Signal-to-noise ratio of the corrector: its step is 2α(snr·‖z‖/‖s‖)²; ald's 2α(snr·σ)², a leap of hmc's 2√α·snr·σ. A number from 0.0001 to 10. Default 0.16. Of pc. */
  snr?: number;
  /** Norms of the corrector's step rule. Default expected. Of pc. */
  norms?: 'expected' | 'sample' | 'batch';
  /** Order of pc's two halves. Default paper. Of pc. */
  pc_order?: 'paper' | 'score-sde';
  /** Noise of ddim, 0 (none) to 1 (ancestral). A number from 0 to 1. Default 0. Of ddim. */
  eta?: number;
  /** Order of dpm-solver, 1 to 3: as many evaluations per step; and of unipc's predictor. A whole number from 1 to 3. Default 2. Of dpm-solver, unipc. */
  order?: number;
  /** B(h) of unipc's steps. Default bh2. Of unipc. */
  bh?: 'bh1' | 'bh2';
  /** Noise that edm adds before its steps (S_churn); 0 is its deterministic sampler, heun. A number from 0 to 1000000. Default 0. Of edm. */
  churn?: number;
  /** Least σ/α at which edm adds noise (S_min). A number from 0 to 1000000000. Default 0. Of edm. */
  churn_min?: number;
  /** Largest σ/α at which edm adds noise (S_max). A number from 0 to 1000000000. Default 1000000000. Of edm. */
  churn_max?: number;
  /** Standard deviation of edm's noise (S_noise). A number from 0 to 10. Default 1. Of edm. */
  churn_noise?: number;
  /** Relative tolerance of ode. A number from 0.000000000001 to 1. Default 0.00001. Of ode. */
  rtol?: number;
  /** Absolute tolerance of ode. A number from 0.000000000001 to 1. Default 0.00001. Of ode. */
  atol?: number;
  /** What Langevin's step size means: half (ε/2, √ε), full (ε, √2ε) or squared (ε²/2, ε). Default full. Of ula, mala, annealed-langevin. */
  convention?: 'half' | 'full' | 'squared';
  /** Step size ε of ula and mala, of annealed-langevin at its last level, and of one leap of hmc (without convention); without it the sampler's own, by the narrowest width that the samples can have. A number from 0.000000000001 to 1000000. Of ula, mala, hmc, annealed-langevin. */
  step_size?: number;
  /** Leapfrog steps of one move of hmc, the sampler or the corrector; without it about a quarter turn of the narrowest direction, by steps that vary a little. A whole number from 1 to 1000. Of pc, hmc. */
  leapfrog_steps?: number;
  /** Langevin steps of annealed-langevin at each level (T), whose bias in the weights of a mixture falls with them; --steps counts the levels. A whole number from 1 to 10000. Default 5. Of annealed-langevin. */
  level_steps?: number;
  /** Levels that ddpm visits, and ddim and ancestral on a ddpm or smld model; a --grid or --times overrides it. Default leading. Of ddim, ancestral, ddpm. */
  spacing?: 'leading' | 'trailing' | 'linspace';
  /** Variance of ddpm's steps. Default small. Of ddpm. */
  variance?: 'small' | 'large';
  /** Time grid; without it --spacing's levels where there are such, else the sampler's own: karras for VE and EDM and for heun on VP, log-snr for dpm and annealed-langevin, quadratic for stochastic-heun, else uniform. Not of ode, ula, mala, hmc. */
  grid?: 'uniform' | 'quadratic' | 'log-snr' | 'karras';
  /** Last time, and the level of ula, mala and hmc; without it 1e-3 for VP and sub-VP, 1e-5 for VE, sigma_min/sigma_max for EDM, 1/N for DDPM, 0 for SMLD and where --spacing rules. A number from 0 to 0.999999. */
  t_end?: number;
  /** The times themselves, from 1 to the last, in place of --steps, --grid and --t-end. Not of ode, ula, mala, hmc. */
  times?: number[];
  /** End with Tweedie's estimate at t-end, for one more evaluation: data, where off leaves samples at the level of t-end; without noise there it does nothing. Default on. */
  denoise?: boolean;
  /** Largest size of a value of the denoised estimate; without it no limit. A number from 0.001 to 1000000. */
  clip?: number;
  /** Dynamic thresholding of the denoised estimate at this quantile of each sample's sizes, down to --clip or 1. A number from 0.5 to 1. */
  threshold?: number;
}
