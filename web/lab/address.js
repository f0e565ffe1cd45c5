// The address: a query ⇄ the lab's values, as text, with what is hidden for an embedding page. What a link asks for is
// what is shown; all else is said.

import { cut } from '../page/words.js';
import { PRESETS } from './presets.js';
import { FIELDS, INITIAL, SECONDS, applies, plain, problem } from './settings.js';

/** Parts of the page that an address can hide, beside single settings; lab.html marks them with `data-part`. */
export const PARTS = [
  'header',
  'presets',
  'story',
  'actions',
  'controls',
  'data',
  'objective',
  'process',
  'network',
  'training',
  'sampler',
  'compare',
  'truth',
  'difference',
  'density',
  'loss',
  'regions',
  'levels',
  'measured',
  'time',
  'history',
  'files',
  'footer',
];

const NAMES = [...Object.keys(FIELDS), ...SECONDS];
/** Written even where they are what the page starts with. */
const ALWAYS = ['data', 'objective', 'seed'];

/**
 * What a query asks for.
 *
 * @param {string} search
 * @returns {{preset: string | null, values: Record<string, string>, hidden: string[], autostart: boolean,
 *   problems: string[]}} `values` are all; `problems` in words
 */
export function readAddress(search) {
  const given = new URLSearchParams(search);
  const problems = [];
  let preset = given.get('preset');
  if (preset !== null && !Object.hasOwn(PRESETS, preset)) {
    problems.push(`preset = ${cut(preset, 80)}: choose one of ${Object.keys(PRESETS).join(', ')}`);
    preset = null;
  }
  const values = baseOf(preset);
  const hidden = [];
  let autostart = false;
  for (const [name, text] of given) {
    if (name === 'preset' || (text.trim() === '' && name !== 'hide')) continue;
    if (name === 'autostart') autostart = text === '1';
    else if (name === 'hide')
      hidden.push(
        ...text
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean),
      );
    else if (!NAMES.includes(name)) problems.push(`${cut(name, 80) || 'a setting without a name'} is not a setting`);
    else {
      const wrong = problem(name, text.trim());
      if (wrong) problems.push(`${name} = ${cut(text, 80)}: ${wrong}`);
      else values[name] = text.trim();
    }
  }
  for (const name of hidden.filter((name) => !PARTS.includes(name) && !NAMES.includes(name))) {
    problems.push(
      `hide = ${cut(name, 80)}: nothing has that name; choose of ${PARTS.join(', ')} and the settings’ names`,
    );
  }
  return { preset, values, hidden, autostart, problems };
}

/** What a preset, or the page without one, starts with. */
export function baseOf(preset) {
  return { ...INITIAL, ...(preset ? PRESETS[preset].values : {}) };
}

/** A query of values that leads to them again. */
export function writeAddress({ preset, values, hidden = [], autostart = false }) {
  const query = new URLSearchParams();
  if (preset) query.set('preset', preset);
  const base = baseOf(preset);
  for (const name of NAMES) {
    const text = values[name] ?? '';
    const isSame = text === (base[name] ?? '');
    if (isSame && (preset || !ALWAYS.includes(name))) continue;
    if (text === '' || !(applies(name, values) || plain(name) === 'objective')) continue;
    query.set(name, text);
  }
  if (hidden.length) query.set('hide', hidden.join(','));
  if (autostart) query.set('autostart', '1');
  // Commas and colons need no escape in a query, and are read more easily without.
  return `?${query.toString().replaceAll('%2C', ',')}`;
}
