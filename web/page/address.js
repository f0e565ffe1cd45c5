// The address: a query ⇄ the form's values, as text. A link is a result, so that what it asks for is what runs: all
// else is said. No elements here, and every name is looked up in the page's own table: a link is a stranger's text.

import { FIELDS, SAMPLERS, applicable, applies, normalised, problem, toSettings, unguided } from './settings.js';
import { cut } from './words.js';

/** What links gather on their way, for others to count with. */
const TRACKERS = [
  /^((utm|mtm|pk|hsa|fb)_\w+|__?hs\w+)$/i,
  /^(_ga|_gl|gclid|gclsrc|[gw]braid|dclid|fbclid|msclkid|y(s)?clid|t[wt]clid|li_fat_id|igsh(id)?)$/i,
  /^(mc_[ce]id|mkt_tok|oly_\w+_id|vero_id|wickedid|s_cid|ref|ref_src|ref_url|cmpid|srsltid|si)$/i,
];

/** Always in the address; the others only where they are set. */
const ALWAYS = ['model', 'sampler', 'steps', 'n', 'seed', 'label', 'device'];

/**
 * What a query asks for.
 *
 * @param {string} search
 * @returns {{values: Record<string, string>, autostart: boolean, problems: string[]}} `problems` in words; what they
 *   are of is not among the values
 */
export function readAddress(search) {
  const values = Object.create(null);
  const problems = [];
  let autostart = false;
  for (const [name, given] of new URLSearchParams(search)) {
    if (name === 'autostart') {
      autostart = given === '1';
    } else if (Object.hasOwn(FIELDS, name)) {
      const text = given.trim();
      // A form that sends itself sends its empty fields, too.
      if (text === '') continue;
      const value = understood(name, text);
      if (value === null) problems.push(`${name} = ${cut(text, 80)}: ${problem(name, text)}`);
      else if (name in values && values[name] !== value) problems.push(`${name} is there twice`);
      else values[name] = value;
    } else if (!TRACKERS.some((tracker) => tracker.test(name))) {
      problems.push(`${cut(name, 80) || 'a setting without a name'} is not a setting`);
    }
  }
  const kept = applicable(values);
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(kept, name)) problems.push(`${name} does not apply to ${describe(name, values)}`);
  }
  if (unguided(kept)) {
    problems.push(`guidance = ${kept.guidance}: a class (label) is needed, as there is nothing to guide to`);
    delete kept.guidance;
  }
  return { values: kept, autostart, problems };
}

/** What a setting does not apply to. */
function describe(name, values) {
  const sampler = values.sampler ?? FIELDS.sampler.initial;
  const { settings } = SAMPLERS[sampler];
  const other = settings.find((other) => FIELDS[other].replaces?.includes(name) && values[other]);
  if (other) return `a run with ${other}`;
  const { when } = FIELDS[name];
  if (!settings.includes(name) || !when) return sampler;
  return `${when.setting} = ${values[when.setting] ?? FIELDS[when.setting].usual}`;
}

/** The value that a text is; null if it is none. A plus sign that was not encoded has come as a space. */
function understood(name, text) {
  const candidates = name === 'model' ? [text] : [text, text.replaceAll(' ', '+')];
  const found = candidates.find((candidate) => problem(name, candidate) === null) ?? null;
  return found === null ? null : normalised(name, found);
}

/** A query of values; `model` is absent for a file of the visitor's own, which no address can name. */
export function writeAddress(values, { autostart = false } = {}) {
  const query = new URLSearchParams();
  const rest = Object.keys(FIELDS).filter((name) => !ALWAYS.includes(name));
  for (const name of [...ALWAYS, ...rest]) {
    const value = values[name];
    if (value === undefined || value === '' || !applies(name, values)) continue;
    if (!ALWAYS.includes(name) && value === FIELDS[name].initial) continue;
    query.set(name, value);
  }
  if (autostart) query.set('autostart', '1');
  return `?${query}`;
}

/** The lines of JavaScript that draw what values ask for. */
export function snippet(values, origin) {
  const quoted = (text) => `'${text.replaceAll(/['\\]/g, '\\$&').replaceAll(/[\n\r]/g, ' ')}'`;
  const written = (value) => (typeof value === 'string' ? quoted(value) : JSON.stringify(value));
  const settings = Object.entries(toSettings(values)).map(([name, value]) => `${name}: ${written(value)}`);
  const device = values.device && values.device !== 'auto' ? `, { device: ${quoted(values.device)} }` : '';
  const show = values.show === 'x' ? '' : ", { kind: 'denoised' }";
  const model = values.model ? quoted(values.model) : '/* your weights: an address, a File, bytes */';
  return [
    `import { load } from ${quoted(`${origin}scorefield.js`)}`,
    `const model = await load(${model}${device})`,
    `const run = model.sample({ ${settings.join(', ')} })`,
    `for await (const step of run) step.draw(document.querySelector('canvas')${show})`,
  ].join('\n');
}
