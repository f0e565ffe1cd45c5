// The page's settings: what samplers take, the form, and the address. Names are those of the command line.

/** A setting's default is the engine's own where it is left empty. */
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
  rk4: { group: 'ODE', title: 'Runge–Kutta 4', said: 'the classical Runge–Kutta method on the probability flow', steps: 10, takes: TIMES },
  ode: { group: 'ODE', title: 'Dormand–Prince 5(4), adaptive', said: 'Dormand and Prince’s adaptive method on the probability flow', steps: 1, takes: ['rtol', 'atol', 't_end', ...END] },
  ddim: { group: 'ODE', title: 'DDIM', said: 'DDIM', steps: 40, takes: [...TIMES, 'eta', 'spacing'] },
  'dpm-solver': { group: 'ODE', title: 'DPM-Solver', said: 'DPM-Solver', steps: 18, takes: [...TIMES, 'order'] },
  'dpm++2m': { group: 'ODE', title: 'DPM-Solver++ 2M', said: 'DPM-Solver++(2M)', steps: 20, takes: TIMES },
  edm: { group: 'ODE', title: 'EDM, with churn', said: 'EDM’s stochastic Heun sampler', steps: 18, takes: [...TIMES, ...CHURN] },
  'euler-maruyama': { group: 'SDE', title: 'Euler–Maruyama', said: 'Euler–Maruyama on the reverse SDE', steps: 200, takes: TIMES },
  'stochastic-heun': { group: 'SDE', title: 'Stochastic Heun', said: 'a stochastic Heun method on the reverse SDE', steps: 50, takes: TIMES },
  'reverse-diffusion': { group: 'SDE', title: 'Reverse diffusion', said: 'reverse diffusion', steps: 200, takes: TIMES },
  ancestral: { group: 'SDE', title: 'Ancestral', said: 'ancestral sampling', steps: 200, takes: [...TIMES, 'spacing'] },
  'dpm++2m-sde': { group: 'SDE', title: 'DPM-Solver++ 2M SDE', said: 'SDE-DPM-Solver++(2M)', steps: 30, takes: TIMES },
  pc: { group: 'SDE', title: 'Predictor–corrector', said: 'predictor–corrector sampling', steps: 100, takes: [...TIMES, ...PAIR] },
  ddpm: { group: 'Discrete', title: 'DDPM', said: 'DDPM', steps: 200, takes: ['spacing', 'variance', ...END] },
  ula: { group: 'Langevin', title: 'Langevin, unadjusted', said: 'unadjusted Langevin dynamics', steps: 100, takes: [...MOVES, 'convention'] },
  mala: { group: 'Langevin', title: 'Langevin, Metropolis-adjusted', said: 'Metropolis-adjusted Langevin dynamics', steps: 100, takes: [...MOVES, 'convention'] },
  hmc: { group: 'Langevin', title: 'Hamiltonian Monte Carlo', said: 'Hamiltonian Monte Carlo', steps: 50, takes: [...MOVES, 'leapfrog_steps'] },
  'annealed-langevin': { group: 'Langevin', title: 'Annealed Langevin', said: 'annealed Langevin dynamics', steps: 50, takes: [...MOVES, 'convention', 'level_steps'] },
};

/** Numbers with commas between them. */
const LIST = String.raw`\s*[-+.\deE]+(\s*,\s*[-+.\deE]+)+\s*`;

/** Always in the address; the others only where they are set. */
const MAIN = ['model', 'sampler', 'steps', 'n', 'seed', 'label', 'device'];
const NUMBERS = ['steps', 'n', 'seed', 'label', 'guidance'];

/** Fills the sampler list and the fields that only some samplers take. */
export function buildForm(form) {
  const sampler = form.elements.sampler;
  for (const [name, { group, title }] of Object.entries(SAMPLERS)) {
    let list = sampler.querySelector(`optgroup[label="${group}"]`);
    if (!list) {
      list = document.createElement('optgroup');
      list.label = group;
      sampler.append(list);
    }
    list.append(new Option(title, name));
  }
  const extra = form.querySelector('#extra');
  for (const [name, field] of Object.entries(EXTRA)) {
    const label = document.createElement('label');
    label.dataset.field = name;
    label.append(`${field.title} `);
    if (field.choices) {
      const select = document.createElement('select');
      select.add(new Option('default', ''));
      for (const choice of field.choices) select.add(new Option(choice, choice));
      select.name = name;
      label.append(select);
    } else {
      const input = document.createElement('input');
      const { min, max, placeholder } = field;
      if (field.list) Object.assign(input, { type: 'text', pattern: LIST, placeholder, title: 'numbers from 1 down, with commas', name });
      else Object.assign(input, { type: 'number', min, max, placeholder, step: field.whole ? '1' : 'any', name });
      label.append(input);
    }
    extra.append(label);
  }
  showFields(form);
}

/** Shows the fields that the chosen sampler takes. */
export function showFields(form) {
  const { takes, steps } = SAMPLERS[form.elements.sampler.value];
  for (const label of form.querySelectorAll('#extra label')) label.hidden = !takes.includes(label.dataset.field);
  const field = form.elements.steps;
  // A number of steps that nobody chose follows the sampler.
  if (field.value === '' || field.dataset.chosen !== 'yes') field.value = steps;
}

/** The form as the API's settings. */
export function readForm(form) {
  const value = (name) => form.elements[name].value;
  const sampler = value('sampler');
  const settings = { sampler };
  for (const name of NUMBERS) if (value(name) !== '') settings[name] = Number(value(name));
  for (const name of SAMPLERS[sampler].takes) {
    if (value(name) === '') continue;
    const field = EXTRA[name];
    if (field.list) settings[name] = value(name).split(',').map(Number);
    else settings[name] = field.flag ? value(name) === 'on' : field.choices ? value(name) : Number(value(name));
  }
  // Without a class there is nothing to guide to: the form keeps the number for the next one.
  if (settings.label === undefined) delete settings.guidance;
  return settings;
}

/** Puts the form into the address; `model` is null for a file of the visitor's own, which no address can name. */
export function writeAddress(form, { model, show }) {
  const query = new URLSearchParams();
  for (const name of MAIN) {
    const value = name === 'model' ? model : form.elements[name].value;
    if (value !== null && value !== '') query.set(name, value);
  }
  for (const name of ['guidance', ...SAMPLERS[form.elements.sampler.value].takes]) {
    if (form.elements[name].value !== '') query.set(name, form.elements[name].value);
  }
  if (show !== 'x') query.set('show', show);
  const before = new URLSearchParams(location.search);
  if (before.get('autostart') === '1') query.set('autostart', '1');
  const address = `${location.pathname}?${query}${location.hash}`;
  history.replaceState(history.state, '', address);
}

/**
 * Restores the form from the address.
 *
 * @returns {string[]} what could not be restored, in words
 */
export function readAddress(form) {
  const query = new URLSearchParams(location.search);
  const problems = [];
  for (const [name, text] of query) {
    if (name === 'model' || name === 'autostart') continue;
    const field = form.elements[name];
    if (!field) {
      problems.push(`${name} is not a setting`);
    } else if (!restore(field, text)) {
      problems.push(`${name} = ${text}${expected(field)}`);
    } else if (name === 'steps') {
      field.dataset.chosen = 'yes';
    }
  }
  showFields(form);
  return problems;
}

function restore(field, text) {
  if (field instanceof RadioNodeList || field.tagName === 'SELECT') {
    const before = field.value;
    // The classes are known only when the model is: keep what was asked for until then.
    if (field.name === 'label' && /^\d+$/.test(text) && !findOption(field, text)) field.add(new Option(`class ${text}`, text));
    field.value = text;
    if (field.value === text) return true;
    field.value = before;
    return false;
  }
  const before = field.value;
  field.value = text;
  if (field.value !== '' && field.checkValidity()) return true;
  field.value = before;
  return false;
}

const findOption = (select, value) => Array.from(select.options).find((option) => option.value === value);

function expected(field) {
  if (field.tagName === 'SELECT') return `: choose ${Array.from(field.options, (option) => option.value || 'nothing').join(', ')}`;
  if (field instanceof RadioNodeList) return ': choose x or denoised';
  if (field.type === 'text') return ': numbers from 1 down, with commas between them';
  return `: a ${field.step === '1' ? 'whole ' : ''}number from ${field.min} to ${field.max}`;
}
