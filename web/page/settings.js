// The page's settings: what there is, what applies, and what a text of a form or of an address means. What the engine
// takes is generated (api/schema.js); the rest is the page's own. No elements here.

import { schema } from '../api/schema.js';

/** Samplers by name, with the schema's facts. */
export const SAMPLERS = byName(schema.samplers);

/** What the page starts with, beside the schema's own defaults. */
const INITIAL = { sampler: initial('sampler'), steps: String(SAMPLERS[initial('sampler')].steps), n: '16', seed: '1' };
/** A flag's values, and what they are called. */
const SWITCH = Object.entries({ on: 'On', off: 'Off' });
/** The fields that the page has for every sampler. */
const MAIN = ['sampler', 'steps', 'n', 'seed', 'label', 'guidance'];

/**
 * Every setting by name. `setting`: the engine's; the others are the page's. `initial` is what the page starts with.
 * `choices` are values, `titles` what they are called; a `list` is of numbers, a `flag` is on or off.
 */
export const FIELDS = Object.assign(Object.create(null), {
  model: { text: true },
  device: { choices: ['auto', 'webgpu', 'cpu'], initial: 'auto' },
  show: { choices: ['denoised', 'x'], initial: 'denoised' },
});
for (const setting of schema.settings) FIELDS[setting.name] = fieldOf(setting);

/** A setting's default. */
function initial(name) {
  return schema.settings.find((setting) => setting.name === name).default;
}

function byName(list) {
  return Object.assign(Object.create(null), Object.fromEntries(list.map((entry) => [entry.name, entry])));
}

function fieldOf({ name, type, choices = [], default: usual, ...facts }) {
  const flag = type === 'boolean';
  const pairs = flag ? SWITCH : choices.map(({ value, title }) => [value, title]);
  return {
    ...facts,
    setting: true,
    extra: !MAIN.includes(name),
    initial: INITIAL[name],
    usual: flag ? (usual ? 'on' : 'off') : usual === null ? null : String(usual),
    choices: pairs.length ? pairs.map(([value]) => value) : undefined,
    titles: Object.fromEntries(pairs),
    whole: type === 'integer',
    list: type === 'numbers',
    flag,
  };
}

/**
 * Whether a setting has a bearing on a run of these values.
 *
 * @param {string} name
 * @param {Record<string, string>} values as text; empty ones count as not set
 * @param {string | null} [process] the model's process, where it is known
 */
export function applies(name, values, process = null) {
  const field = FIELDS[name];
  if (!field.setting) return true;
  const sampler = SAMPLERS[values.sampler || INITIAL.sampler];
  if (!sampler.settings.includes(name)) return false;
  if (name === 'spacing' && process !== null && !sampler.spaced.includes(process)) return false;
  const { when } = field;
  const isTaken = when && sampler.settings.includes(when.setting);
  if (isTaken && !when.values.includes(values[when.setting] || FIELDS[when.setting].usual)) return false;
  return !sampler.settings.some((other) => FIELDS[other].replaces?.includes(name) && values[other]);
}

/** The values that apply, of some that may not. */
export function applicable(values, process = null) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => applies(name, values, process)));
}

/** The number of steps where nobody has chosen one; null of a sampler that chooses its own. */
export function usualSteps(sampler) {
  return sampler === INITIAL.sampler ? Number(INITIAL.steps) : SAMPLERS[sampler].steps;
}

/** Why a sampler cannot run on a model; null where it can, or where that is not known yet. */
export function obstacle(sampler, { density = null, process = null }) {
  const { needsDensity, processes } = SAMPLERS[sampler];
  if (needsDensity && density === false) return 'needs a density';
  return process === null || processes.includes(process) ? null : `not for ${process}`;
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** What is expected where `text` is not that; null where it is. */
export function problem(name, text) {
  const field = FIELDS[name];
  if (field.text) return null;
  if (field.choices) return field.choices.includes(text) ? null : `choose ${list(field.choices)}`;
  if (field.list) {
    return isFalling(text) ? null : 'numbers that fall from 1, with commas between them, such as 1, 0.5, 0.001';
  }
  const value = Number(text);
  const isInside = value >= field.min && value <= field.max;
  const good = NUMBER.test(text) && isInside && (!field.whole || Number.isInteger(value));
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

/** A text that is no problem as a field takes it: a field of numbers reads neither "5." nor "+4". */
export function normalised(name, text) {
  const { text: free, list, choices } = FIELDS[name];
  return free || list || choices ? text : String(Number(text));
}

/** Whether values ask for guidance without a class; 0 and 1 are no guidance. */
export function unguided({ label, guidance }) {
  return !label && Boolean(guidance) && ![0, 1].includes(Number(guidance));
}

/** A text that is no problem as the engine's value. */
export function valueOf(name, text) {
  const { list, flag, choices } = FIELDS[name];
  if (list) return text.split(',').map(Number);
  if (flag) return text === 'on';
  return choices ? text : Number(text);
}

/** The engine's settings of a form's values. */
export function toSettings(values) {
  const settings = {};
  for (const [name, text] of Object.entries(applicable(values))) {
    if (FIELDS[name].setting && text !== '') settings[name] = valueOf(name, text);
  }
  // Without a class there is nothing to guide to: the form keeps the number for the next one.
  if (settings.label === undefined) delete settings.guidance;
  return settings;
}
