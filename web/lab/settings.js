// The lab's settings: what there is, and what applies. Those of a sampler are the front page's (page/settings.js), made
// from the engine's schema. No elements here.

import { FIELDS as SAMPLING, SAMPLERS, applies as samplerTakes, problem as samplerProblem } from '../page/settings.js';
import { DISTRIBUTIONS, OBJECTIVES } from './objectives.js';

const titled = (titles) => ({ choices: Object.keys(titles), titles });
const listed = (facts) => titled(Object.fromEntries(Object.entries(facts).map(([name, { title }]) => [name, title])));
const isOf = (parameter) => (values) => OBJECTIVES[values.objective].parameters?.includes(parameter) ?? false;
const hasProcess =
  (...kinds) =>
  (values) =>
    kinds.includes(processOf(values));

/** Settings of a sampler that the lab leaves at their defaults: they are of images or of classes. */
const LEFT = ['times', 'clip', 'threshold', 'seed', 'norms', 'spacing'];

/** The lab's own. `both`: the second field can have another; `when`: where it applies; `initial`: its first value. */
const OWN = {
  data: { title: 'Distribution', group: 'data', initial: 'two-moons', ...titled(DISTRIBUTIONS) },
  points: { title: 'Points', text: true, when: ({ data }) => data === 'drawn', initial: '' },
  objective: {
    title: 'Objective',
    group: 'objective',
    both: true,
    initial: 'denoising',
    ...listed(OBJECTIVES),
    groups: OBJECTIVES,
  },
  sigma: { title: 'Noise σ', group: 'objective', both: true, min: 0.001, max: 10, initial: '0.1', when: isOf('sigma') },
  density: {
    title: 'Density',
    group: 'objective',
    both: true,
    initial: 'kernel',
    ...titled({ kernel: 'a kernel estimate', known: 'the known one' }),
    when: isOf('density'),
  },
  directions: {
    title: 'Projections on',
    group: 'objective',
    both: true,
    initial: 'rademacher',
    ...titled({ rademacher: 'random signs', gaussian: 'normal numbers', sphere: 'a sphere' }),
    when: isOf('directions'),
  },
  projections: {
    title: 'Projections',
    group: 'objective',
    both: true,
    min: 1,
    max: 64,
    whole: true,
    initial: '1',
    when: isOf('projections'),
  },
  variance_reduced: {
    title: 'Variance',
    group: 'objective',
    both: true,
    initial: 'on',
    ...titled({ on: 'reduced', off: 'as it is' }),
    when: isOf('variance_reduced'),
  },
  weighting: {
    title: 'Weights λ(t)',
    group: 'objective',
    both: true,
    initial: 'sigma-squared',
    ...titled({ 'sigma-squared': 'σ²', likelihood: 'g², the likelihood’s' }),
    when: isOf('weighting'),
  },
  draw: {
    title: 'Times t',
    group: 'objective',
    both: true,
    initial: 'uniform',
    ...titled({ uniform: 'uniform', importance: 'by g²/σ²' }),
    when: isOf('draw'),
  },
  process: {
    title: 'Process',
    group: 'process',
    both: true,
    initial: 'own',
    ...titled({ own: 'the objective’s own', vp: 'VP', 'sub-vp': 'sub-VP', ve: 'VE', edm: 'EDM' }),
    when: ({ objective }) => !OBJECTIVES[objective].clean && !['ncsn', 'ddpm'].includes(objective),
  },
  sigma_min: {
    title: 'Least σ',
    group: 'process',
    both: true,
    min: 1e-5,
    max: 1,
    initial: '0.01',
    when: hasProcess('ve', 'smld', 'edm'),
  },
  sigma_max: {
    title: 'Largest σ',
    group: 'process',
    both: true,
    min: 0.1,
    max: 100,
    initial: '10',
    when: hasProcess('ve', 'smld', 'edm'),
  },
  levels: {
    title: 'Levels',
    group: 'process',
    both: true,
    min: 2,
    max: 1000,
    whole: true,
    initial: '10',
    when: hasProcess('smld'),
  },
  width: { title: 'Width', group: 'network', min: 4, max: 512, whole: true, initial: '128' },
  depth: { title: 'Hidden layers', group: 'network', min: 1, max: 8, whole: true, initial: '3' },
  activation: {
    title: 'Activation',
    group: 'network',
    initial: 'silu',
    ...titled({ silu: 'SiLU', softplus: 'softplus', tanh: 'tanh' }),
  },
  time: {
    title: 'Time embedding',
    group: 'network',
    initial: 'fourier',
    ...titled({ fourier: 'Fourier', sinusoidal: 'sinusoidal' }),
    when: ({ objective }) => !OBJECTIVES[objective].clean,
  },
  energy: {
    title: 'Output',
    group: 'network',
    both: true,
    initial: 'off',
    ...titled({ off: 'a score', on: 'an energy E, score −∇E' }),
  },
  lr: { title: 'Learning rate', group: 'training', min: 1e-6, max: 0.999, initial: '0.001' },
  batch: { title: 'Batch', group: 'training', min: 1, max: 8192, whole: true, initial: '512' },
  train: { title: 'Training steps', group: 'training', min: 0, max: 1e6, whole: true, initial: '2000' },
  seed: { title: 'Seed', group: 'training', min: 0, max: Number.MAX_SAFE_INTEGER, whole: true, initial: '1' },
  compare: {
    title: 'Second field',
    group: 'compare',
    initial: 'off',
    ...titled({ off: 'none', on: 'beside the first' }),
  },
  score: {
    title: 'Particles follow',
    group: 'sampler',
    both: true,
    initial: 'learned',
    ...titled({ learned: 'the learned score', truth: 'the true score' }),
  },
  from: {
    title: 'Released from',
    group: 'sampler',
    initial: 'prior',
    ...titled({ prior: 'the prior', uniform: 'all over the square', grid: 'a grid' }),
  },
  t: { title: 'Time t', min: 0, max: 1, initial: '0.05' },
  by: { title: 'By σ', initial: 'error', ...titled({ error: 'Relative error', norm: 'Size of the score' }) },
  speed: {
    title: 'Speed',
    initial: 'most',
    ...titled({ 1: '1 step a frame', 4: '4 steps a frame', 16: '16 steps a frame', most: 'as fast as it goes' }),
  },
};

/** Of the samplers, by the engine's names. */
function sampling() {
  const INITIAL = { sampler: 'heun', n: '512', steps: '' };
  const kept = Object.entries(SAMPLING).filter(([name, { setting }]) => setting && !LEFT.includes(name));
  return kept.map(([name, field]) => {
    const { title, choices, titles, min, max, whole, list, flag, usual, placeholder, help } = field;
    const initial = INITIAL[name] ?? '';
    const words = name === 'sampler' ? titlesOf(SAMPLERS) : titles;
    const facts = { title, choices, titles: words, min, max, whole, list, flag, usual, placeholder, help, initial };
    return [
      name,
      {
        ...facts,
        group: 'sampler',
        both: name !== 'n',
        sampling: true,
        extra: !['sampler', 'n', 'steps', 'label', 'guidance'].includes(name),
      },
    ];
  });
}

const titlesOf = (facts) => Object.fromEntries(Object.entries(facts).map(([name, { title }]) => [name, title]));

export const FIELDS = Object.assign(Object.create(null), OWN, Object.fromEntries(sampling()));
FIELDS.sampler.groups = SAMPLERS;

export const INITIAL = Object.fromEntries(Object.entries(FIELDS).map(([name, { initial }]) => [name, initial]));

/** The second field's settings have the first's names with this before them; empty ones are the first's. */
export const SECOND = 'b.';
export const SECONDS = Object.keys(FIELDS)
  .filter((name) => FIELDS[name].both)
  .map((name) => SECOND + name);

/** A setting's name without the second field's mark. */
export const plain = (name) => (name.startsWith(SECOND) ? name.slice(SECOND.length) : name);

/** One field's values, `a` or `b`, of all. */
export function sideOf(values, side) {
  const own = Object.fromEntries(Object.keys(FIELDS).map((name) => [name, values[name] ?? INITIAL[name]]));
  if (side === 'a') return own;
  for (const name of SECONDS) if (values[name]) own[plain(name)] = values[name];
  // Another sampler has settings of its own.
  if (values['b.sampler'] && values['b.sampler'] !== values.sampler) {
    for (const name of Object.keys(FIELDS)) {
      if (FIELDS[name].sampling && name !== 'sampler' && name !== 'n' && !values[SECOND + name]) own[name] = '';
    }
  }
  return own;
}

/** The kind of process that values lead to. */
export function processOf({ objective, process }) {
  const { clean, process: own } = OBJECTIVES[objective];
  if (clean) return 'none';
  return !process || process === 'own' || own !== 'vp' ? own : process;
}

/** Whether a setting has a bearing on a field of these values. */
export function applies(name, values) {
  if (plain(name) !== name) return values.compare === 'on' && applies(plain(name), sideOf(values, 'b'));
  const field = FIELDS[name];
  if (field.when && !field.when(values)) return false;
  if (!field.sampling || name === 'n') return true;
  // A mixture's Gaussians are its classes; what is learned here has none.
  if (['label', 'guidance'].includes(name) && values.score !== 'truth') return false;
  if (name === 'guidance' && values.label === '') return false;
  if (['t_end', 'denoise', 'grid'].includes(name) && processOf(values) === 'none') return false;
  return samplerTakes(name, values, processOf(values));
}

/** What is expected where `text` is not that; null where it is. */
export function problem(name, text) {
  const field = FIELDS[plain(name)];
  if (field.sampling) return samplerProblem(plain(name), text);
  if (field.text) return null;
  if (field.choices) return field.choices.includes(text) ? null : `choose one of ${field.choices.join(', ')}`;
  const value = Number(text);
  const good =
    text.trim() !== '' && value >= field.min && value <= field.max && (!field.whole || Number.isInteger(value));
  return good ? null : `a ${field.whole ? 'whole ' : ''}number from ${field.min} to ${field.max}`;
}
