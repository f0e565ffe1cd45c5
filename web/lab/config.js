// What the engine gets for the lab's settings: a run config, as the command line's TOML files have it, and a sampler's
// settings; and the lab's settings for a run config.

import { valueOf } from '../page/settings.js';
import { OBJECTIVES, OWN_POINTS } from './objectives.js';
import { FIELDS, applies, processOf } from './settings.js';

/** The run config of one field's values, as the engine and the command line have it. */
export function configOf(values) {
  const number = (name) => Number(values[name]);
  const kind = processOf(values);
  const clean = kind === 'none';
  const process = { kind };
  if (['ve', 'smld', 'edm'].includes(kind))
    Object.assign(process, { sigma_min: number('sigma_min'), sigma_max: number('sigma_max') });
  if (kind === 'smld') process.levels = number('levels');
  return {
    name: 'lab',
    data: OWN_POINTS.includes(values.data) ? { file: FILES[values.data] } : { name: values.data },
    model: {
      kind: 'mlp',
      dim: 2,
      width: number('width'),
      depth: number('depth'),
      activation: values.activation,
      time: clean
        ? { kind: 'none' }
        : values.time === 'fourier'
          ? { kind: 'fourier', scale: 1 }
          : { kind: values.time },
      energy: values.energy === 'on',
    },
    process,
    objective: { kind: values.objective, ...parametersOf(values) },
    optimiser: { lr: number('lr'), ema: 0.99 },
    train: { steps: Math.max(1, number('train')), batch: number('batch'), seed: number('seed') },
  };
}

/** What the command line's config calls the points that the reader gives with it. */
const FILES = { drawn: 'drawn.npy', file: 'points.npy' };

/** A text as a config has it. */
function written(name, text) {
  const { choices } = FIELDS[name];
  if (!choices) return Number(text);
  return choices.includes('on') ? text === 'on' : text;
}

/** An objective's parameters. */
function parametersOf(values) {
  const names = OBJECTIVES[values.objective].parameters ?? [];
  const pairs = names.map((name) => [name, written(name, values[name])]);
  return Object.fromEntries(
    pairs.map(([name, value]) => (name === 'draw' ? ['times', { kind: value, t_min: 1e-5 }] : [name, value])),
  );
}

/** The sampler's settings of one field's values. */
export function samplingOf(values) {
  const settings = { seed: Number(values.seed) };
  for (const name of Object.keys(FIELDS)) {
    const isSet = FIELDS[name].sampling && values[name] !== '' && applies(name, values);
    if (isSet) settings[name] = valueOf(name, values[name]);
  }
  return settings;
}

/** The values that lead to a run config, of those that it fixes. */
export function valuesOf({ data, model, process, objective, optimiser, train }) {
  const values = {
    data: data.name ?? 'file',
    objective: objective.kind,
    process: objective.kind in OBJECTIVES && process.kind === ownProcess(objective.kind) ? 'own' : process.kind,
    energy: model.energy ? 'on' : 'off',
    lr: optimiser.lr,
    batch: train.batch,
    seed: train.seed,
  };
  for (const name of ['width', 'depth', 'activation']) values[name] = model[name];
  if (model.time.kind !== 'none') values.time = model.time.kind;
  for (const name of ['sigma_min', 'sigma_max', 'levels'])
    if (process[name] !== undefined) values[name] = process[name];
  for (const name of OBJECTIVES[objective.kind]?.parameters ?? []) {
    const value = name === 'draw' ? objective.times?.kind : objective[name];
    if (value !== undefined) values[name] = typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

const ownProcess = (objective) => processOf({ objective, process: 'own' });
