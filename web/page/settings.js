// The page's settings: what there is, what a sampler takes, and what a text of a form or of an address means. Names are
// those of the command line. No elements here.

/** What only some samplers take; a default is the engine's own where a field is left empty. */
const EXTRA = {
  grid: { title: 'Time grid', choices: ['uniform', 'quadratic', 'log-snr', 'karras'] },
  t_end: { title: 'Last time', min: 0, max: 0.999, placeholder: '0.001' },
  times: { title: 'Times', list: true, placeholder: '1, 0.5, 0.001' },
  denoise: { title: 'Final denoising', choices: ['on', 'off'], flag: true },
  predictor: { title: 'Predictor', choices: ['reverse-diffusion', 'euler-maruyama', 'ancestral', 'euler', 'none'] },
  corrector: { title: 'Corrector', choices: ['langevin', 'ald', 'hmc', 'none'] },
  corrector_steps: { title: 'Corrector steps', min: 1, max: 1000, whole: true, placeholder: '1' },
  snr: { title: 'Corrector SNR', min: 1e-4, max: 10, placeholder: '0.16' },
  pc_order: { title: 'Order', choices: ['paper', 'score-sde'] },
  norms: { title: 'Corrector norms', choices: ['sample', 'batch'] },
  eta: { title: 'Noise η', min: 0, max: 1, placeholder: '0' },
  order: { title: 'Order', min: 1, max: 3, whole: true, placeholder: '2' },
  rtol: { title: 'Relative tolerance', min: 1e-12, max: 1, placeholder: '0.00001' },
  atol: { title: 'Absolute tolerance', min: 1e-12, max: 1, placeholder: '0.00001' },
  churn: { title: 'Churn', min: 0, max: 1e6, placeholder: '0' },
  churn_min: { title: 'Churn from σ/α', min: 0, max: 1e9, placeholder: '0' },
  churn_max: { title: 'Churn to σ/α', min: 0, max: 1e9, placeholder: 'any' },
  churn_noise: { title: 'Churn noise', min: 0, max: 10, placeholder: '1' },
  convention: { title: 'Step convention', choices: ['half', 'full', 'squared'] },
  step_size: { title: 'Step size ε', min: 1e-12, max: 1e6, placeholder: 'its own' },
  leapfrog_steps: { title: 'Leapfrog steps', min: 1, max: 1000, whole: true, placeholder: '10' },
  level_steps: { title: 'Steps a level', min: 1, max: 10000, whole: true, placeholder: '5' },
  spacing: { title: 'Spacing', choices: ['leading', 'trailing', 'linspace'] },
  variance: { title: 'Variance', choices: ['small', 'large'] },
  clip: { title: 'Clip x̂₀ at', min: 1e-3, max: 1e6, placeholder: 'never' },
  threshold: { title: 'Threshold quantile', min: 0.5, max: 1, placeholder: 'none' },
};

const END = ['denoise', 'clip', 'threshold'];
const TIMES = ['grid', 't_end', 'times', ...END];
const PAIR = ['predictor', 'corrector', 'corrector_steps', 'snr', 'pc_order', 'norms', 'step_size', 'leapfrog_steps'];
const CHURN = ['churn', 'churn_min', 'churn_max', 'churn_noise'];
const MOVES = ['t_end', 'step_size', 'denoise'];

/**
 * Samplers by name: the group and title in the form, how a caption says it, a good number of steps, and what else it
 * takes.
 */
export const SAMPLERS = {
  heun: { group: 'ODE', title: 'Heun', said: 'Heun’s method on the probability flow', steps: 18, takes: TIMES },
  euler: { group: 'ODE', title: 'Euler', said: 'Euler’s method on the probability flow', steps: 40, takes: TIMES },
  rk4: {
    group: 'ODE',
    title: 'Runge–Kutta 4',
    said: 'the classical Runge–Kutta method on the probability flow',
    steps: 10,
    takes: TIMES,
  },
  ode: {
    group: 'ODE',
    title: 'Dormand–Prince 5(4), adaptive',
    said: 'Dormand and Prince’s adaptive method on the probability flow',
    steps: null,
    takes: ['rtol', 'atol', 't_end', ...END],
  },
  ddim: { group: 'ODE', title: 'DDIM', said: 'DDIM', steps: 40, takes: [...TIMES, 'eta', 'spacing'] },
  'dpm-solver': { group: 'ODE', title: 'DPM-Solver', said: 'DPM-Solver', steps: 18, takes: [...TIMES, 'order'] },
  'dpm++2m': { group: 'ODE', title: 'DPM-Solver++ 2M', said: 'DPM-Solver++(2M)', steps: 20, takes: TIMES },
  edm: {
    group: 'ODE',
    title: 'EDM, with churn',
    said: 'EDM’s stochastic Heun sampler',
    steps: 18,
    takes: [...TIMES, ...CHURN],
  },
  'euler-maruyama': {
    group: 'SDE',
    title: 'Euler–Maruyama',
    said: 'Euler–Maruyama on the reverse SDE',
    steps: 200,
    takes: TIMES,
  },
  'stochastic-heun': {
    group: 'SDE',
    title: 'Stochastic Heun',
    said: 'a stochastic Heun method on the reverse SDE',
    steps: 50,
    takes: TIMES,
  },
  'reverse-diffusion': {
    group: 'SDE',
    title: 'Reverse diffusion',
    said: 'reverse diffusion',
    steps: 200,
    takes: TIMES,
  },
  ancestral: { group: 'SDE', title: 'Ancestral', said: 'ancestral sampling', steps: 200, takes: [...TIMES, 'spacing'] },
  'dpm++2m-sde': { group: 'SDE', title: 'DPM-Solver++ 2M SDE', said: 'SDE-DPM-Solver++(2M)', steps: 30, takes: TIMES },
  pc: {
    group: 'SDE',
    title: 'Predictor–corrector',
    said: 'predictor–corrector sampling',
    steps: 100,
    takes: [...TIMES, ...PAIR],
  },
  ddpm: { group: 'Discrete', title: 'DDPM', said: 'DDPM', steps: 200, takes: ['spacing', 'variance', ...END] },
  ula: {
    group: 'Langevin',
    title: 'Langevin, unadjusted',
    said: 'unadjusted Langevin dynamics',
    steps: 100,
    takes: [...MOVES, 'convention'],
  },
  mala: {
    group: 'Langevin',
    title: 'Langevin, Metropolis-adjusted',
    said: 'Metropolis-adjusted Langevin dynamics',
    steps: 100,
    needs_density: true,
    takes: [...MOVES, 'convention'],
  },
  hmc: {
    group: 'Langevin',
    title: 'Hamiltonian Monte Carlo',
    said: 'Hamiltonian Monte Carlo',
    steps: 50,
    needs_density: true,
    takes: [...MOVES, 'leapfrog_steps'],
  },
  'annealed-langevin': {
    group: 'Langevin',
    title: 'Annealed Langevin',
    said: 'annealed Langevin dynamics',
    steps: 50,
    takes: [...MOVES, 'convention', 'level_steps'],
  },
};

const choice = (choices) => ({ choices, setting: true });

/**
 * Every setting by name. `setting`: the engine's; the others are the page's. `initial` is what the page starts with, and
 * what an address may leave out.
 */
export const FIELDS = Object.assign(Object.create(null), {
  model: { text: true },
  device: { choices: ['auto', 'webgpu', 'cpu'], initial: 'auto' },
  show: { choices: ['denoised', 'x'], initial: 'denoised' },
  sampler: { ...choice(Object.keys(SAMPLERS)), initial: 'heun' },
  steps: { title: 'Steps', min: 1, max: 100_000, whole: true, setting: true },
  n: { title: 'Samples', min: 1, max: 1024, whole: true, setting: true, initial: '16' },
  seed: { title: 'Seed', min: 0, max: Number.MAX_SAFE_INTEGER, whole: true, setting: true, initial: '1' },
  label: { title: 'Class', min: 0, max: 65_535, whole: true, setting: true },
  guidance: { title: 'Guidance', min: 0, max: 100, setting: true },
});
for (const [name, field] of Object.entries(EXTRA)) FIELDS[name] = { ...field, setting: true, extra: true };
for (const field of Object.values(FIELDS)) field.read = (text) => read(field, text);

/** Whether a setting means something to a sampler. */
export function applies(name, sampler = FIELDS.sampler.initial) {
  const field = FIELDS[name];
  return !field.extra || Boolean(SAMPLERS[sampler]?.takes.includes(name));
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** What is expected where `text` is not that; null where it is. */
export function problem(name, text) {
  const field = FIELDS[name];
  if (field.text) return null;
  if (field.choices) return field.choices.includes(text) ? null : `choose ${list(field.choices)}`;
  if (field.list)
    return isFalling(text) ? null : 'numbers that fall from 1, with commas between them, such as 1, 0.5, 0.001';
  const value = Number(text);
  const good =
    NUMBER.test(text) && value >= field.min && value <= field.max && (!field.whole || Number.isInteger(value));
  return good ? null : `a ${field.whole ? 'whole ' : ''}number from ${field.min} to ${field.max}`;
}

function isFalling(text) {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length < 2 || !parts.every((part) => NUMBER.test(part))) return false;
  const times = parts.map(Number);
  return times[0] === 1 && times.every((time, i) => time >= 0 && (i === 0 || time < times[i - 1]));
}

function list(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function read(field, text) {
  if (field.list) return text.split(',').map(Number);
  if (field.flag) return text === 'on';
  return field.choices || field.text ? text : Number(text);
}

/** The engine's settings of a form's values. */
export function toSettings(values) {
  const settings = {};
  for (const [name, text] of Object.entries(values)) {
    if (FIELDS[name].setting && text !== '' && applies(name, values.sampler)) settings[name] = FIELDS[name].read(text);
  }
  // Without a class there is nothing to guide to: the form keeps the number for the next one.
  if (settings.label === undefined) delete settings.guidance;
  return settings;
}
