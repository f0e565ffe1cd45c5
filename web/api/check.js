// What callers hand over, refused in their own words before anything is sent to an engine. Ranges of settings are the
// engine's to know; here is what would not arrive there as it was meant, because JavaScript or JSON changes it on the
// way.

import { ScorefieldError } from './errors.js';

const MOST_SHOWN = 60;

/** A value as one would write it, and not all of a long one. */
export function shown(value) {
  if (typeof value === 'string') return cut(JSON.stringify(value));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return cut(`[${value.slice(0, MOST_SHOWN).map(shown).join(', ')}]`);
  if (value !== null && typeof value === 'object') return value.constructor?.name ?? 'an object';
  return String(value);
}

const cut = (text) => (text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text);

export function wrong(name, value, expected) {
  return new ScorefieldError('setting', `${name} = ${shown(value)}`, { remedy: `expected ${expected}` });
}

/** A number of a range. */
export function number(name, value, { least = -Infinity, most = Infinity, whole = false, expected } = {}) {
  if (typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const range = [least > -Infinity && `from ${least}`, most < Infinity && `to ${most}`].filter(Boolean).join(' ');
  throw wrong(name, value, expected ?? `a ${whole ? 'whole' : 'finite'} number ${range}`.trimEnd());
}

/** An object of named settings or options; none is an empty one. */
export function named(what, value, example) {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && isPlain(value)) return value;
  throw wrong(what, value, `an object, such as ${example}`);
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  // Of another window, too: its Object is another.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** No option that nobody reads: a misspelt one would be the default in silence. */
export function known(options, names) {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(unknown, options[unknown], `no other options than ${names.join(', ')}`);
}

export function signalOf(signal) {
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return signal;
  throw wrong('signal', signal, 'an AbortSignal, such as controller.signal');
}

/**
 * Settings go to the engine as JSON, which has no NaN, no Infinity, no BigInt and no functions, and drops them or
 * throws.
 */
export function jsonable(settings) {
  for (const [name, value] of Object.entries(settings)) {
    if (!hasJson(value)) throw wrong(name, value, typeof value === 'number' ? 'a finite number' : kindOf(value));
  }
  return settings;
}

function hasJson(value) {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((part) => part !== undefined && hasJson(part));
  return typeof value === 'object' && isPlain(value) && Object.values(value).every(hasJson);
}

function kindOf(value) {
  if (typeof value === 'bigint') return 'a number (without the n)';
  if (Array.isArray(value)) return 'a list of finite numbers';
  if (ArrayBuffer.isView(value)) return 'an array (Array.from makes one)';
  return 'a number, a string, a boolean or an array';
}

/**
 * Rows of d finite numbers.
 *
 * @param {Record<string, Float32Array>} arrays by their names
 */
export function rows(arrays, d) {
  for (const [name, values] of Object.entries(arrays)) {
    if (!(values instanceof Float32Array))
      throw wrong(name, values, `a Float32Array of whole samples, ${d} numbers each`);
    if (values.length === 0 || values.length % d !== 0) {
      throw new ScorefieldError('setting', `${name} = ${values.length} numbers`, {
        remedy: `expected a multiple of ${d}`,
      });
    }
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw wrong(`${name}[${at}]`, values[at], 'a finite number');
  }
}

/** What a run's samples are held to; null where they are free. The arrays are copies: a run may be replayed. */
export function guideOf(inpaint) {
  if (inpaint === undefined || inpaint === null) return null;
  const { image, mask, ...others } = named('inpaint', inpaint, '{ image, mask }');
  known(others, ['image', 'mask']);
  for (const [name, values] of Object.entries({ image, mask })) {
    if (!(values instanceof Float32Array)) throw wrong(`inpaint.${name}`, values, 'a Float32Array');
  }
  return { inpaint: { image: image.slice(), mask: mask.slice() } };
}

/** A class by its number or its name; null where none is asked for. */
export function classOf(label, classes) {
  if (label === undefined || label === null) return null;
  if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes.length) return label;
  const same = (a, b) => a.toLowerCase() === b.toLowerCase();
  const found = typeof label === 'string' ? classes.flatMap((name, i) => (same(name, label) ? [i] : [])) : [];
  if (found.length === 1) return found[0];
  if (classes.length === 0) throw wrong('label', label, 'none: the model is unconditional');
  const range = `0 … ${classes.length - 1}`;
  throw wrong(
    'label',
    label,
    typeof label === 'number' ? range : `${range}, or the name of one class: ${cut(classes.join(', '))}`,
  );
}
