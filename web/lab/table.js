// The table of what was measured: a row a quantity, a column a field, and beside them what the data have.

import { format } from '../page/words.js';
import { beyond, moments, share, sliced } from './measure.js';

/** Regions at both ends of `byRegion`, of those that hold points. */
const first = (regions) => regions?.[0] ?? null;
const last = (regions) => regions?.findLast((error) => error !== null) ?? null;

/**
 * What can be in it. `of`: the value of a field (`{side, shot, curve, particles, data, split}`), null where there is
 * none; `data`: that of the data; `truth`: that of the true score.
 */
const ROWS = {
  error: { title: 'Relative error of the score, at data', of: ({ shot }) => shot?.error },
  modes: { title: 'Relative error within 2 nats of the mode', of: ({ shot }) => first(shot?.regions) },
  desert: { title: 'Relative error in the emptiest region', of: ({ shot }) => last(shot?.regions) },
  speed: {
    title: 'Time of a training step, ms',
    of: ({ side }) => (side.step ? (1000 * side.seconds) / side.step : null),
  },
  small: {
    title: 'Size of the score at the smallest σ',
    of: ({ curve }) => curve?.[0]?.learned,
    truth: ({ curve }) => curve?.[0]?.truth,
  },
  large: {
    title: 'Size of the score at the largest σ',
    of: ({ curve }) => curve?.at(-1)?.learned,
    truth: ({ curve }) => curve?.at(-1)?.truth,
  },
  slope: {
    title: 'Slope of log size by log σ, below σ = 0.3',
    of: ({ curve }) => slope(curve, 'learned'),
    truth: ({ curve }) => slope(curve, 'truth'),
  },
  share: {
    title: 'Share of the particles in the heavier mode',
    of: ({ particles, split }) => particles && split && share(particles.x, split),
    data: ({ data, split }) => split && share(data, split),
  },
  middle: {
    title: 'Mean of x₁, of x₂',
    of: ({ particles }) => particles && moments(particles.x).mean,
  },
  inside: {
    title: 'Standard deviation of x₁, of x₂, within the heavier mode',
    of: ({ particles, split }) => particles && split && moments(beyond(particles.x, split)).std,
    data: ({ data, split }) => split && moments(beyond(data, split)).std,
  },
  spread: {
    title: 'Standard deviation of x₁, of x₂',
    of: ({ particles }) => particles && moments(particles.x).std,
    data: ({ data }) => moments(data).std,
  },
  width: { title: 'Standard deviation of x₁, of x₂', of: ({ particles }) => particles && moments(particles.x).std },
  distance: {
    title: 'Sliced Wasserstein distance to the data',
    of: ({ particles, data }) => particles && sliced(particles.x, data),
    data: ({ data }) => sliced(data.subarray(0, data.length / 2), data.subarray(data.length / 2)),
  },
  path: { title: 'Mean length of a path', of: ({ length }) => length },
  nfe: { title: 'Evaluations of the score', of: ({ particles }) => particles?.nfe },
};

/** Without a preset. */
const USUAL = ['error', 'modes', 'desert', 'distance', 'nfe', 'speed'];

/** The slope of a line through the curve's small levels, on logarithmic axes; null where it has none. */
function slope(curve, name) {
  const points = (curve ?? []).filter((point) => point.sigma < 0.3 && point[name] > 0);
  if (points.length < 2) return null;
  const [x, y] = [points.map(({ sigma }) => Math.log(sigma)), points.map((point) => Math.log(point[name]))];
  const mean = (all) => all.reduce((a, b) => a + b, 0) / all.length;
  const [mx, my] = [mean(x), mean(y)];
  const [xy, xx] = x.reduce(([a, b], value, i) => [a + (value - mx) * (y[i] - my), b + (value - mx) ** 2], [0, 0]);
  return xy / xx;
}

/** What is known of each field of a session, for the table; of particles, once they have arrived. */
export function fieldsOf(sides, { shots, curves, particles, data, split }) {
  return Object.fromEntries(
    Object.entries(sides).map(([name, side]) => {
      const arrived = particles.state === 'done' && particles.paths[name];
      const moved = arrived ? { particles: particles.last(name), length: particles.lengthOf(name) } : {};
      return [name, { side, shot: shots[name], curve: curves[name], data, split, ...moved }];
    }),
  );
}

/**
 * Writes it.
 *
 * @param {HTMLTableElement} table
 * @param {Record<string, object>} fields what is known of each, by its name `a`, `b`
 * @param {{rows?: string[]}} [options] the rows, in their order
 */
export function writeTable(table, fields, { rows = USUAL } = {}) {
  const names = Object.keys(fields);
  table.hidden = names.length === 0;
  if (table.hidden) return;
  const filled = rows
    .map((row) => ({ ...ROWS[row], row }))
    .map(({ title, of, data, truth, row }) => ({
      row,
      title,
      values: names.map((name) => of(fields[name]) ?? null),
      reference: (data ?? truth)?.(fields.a) ?? null,
      isTrue: Boolean(truth),
    }))
    .filter(({ values }) => values.some((value) => value !== null));
  const compared = filled.some(({ reference }) => reference !== null);
  const columns = [
    ...names.map((name) => (names.length > 1 ? name.toUpperCase() : 'Measured')),
    ...(compared ? [filled.every(({ isTrue }) => isTrue) ? 'True' : 'Data'] : []),
  ];
  const head = element('tr', [element('td', ''), ...columns.map((name) => heading(name, 'col'))]);
  const body = filled.map(({ row, title, values, reference }) => {
    const cells = compared ? [...values, reference] : values;
    const line = element('tr', [heading(title, 'row'), ...cells.map((value) => element('td', words(value)))]);
    line.dataset.row = row;
    names.forEach((name, i) => (line.children[i + 1].dataset.side = name));
    return line;
  });
  table.replaceChildren(element('thead', [head]), element('tbody', body));
  table.hidden = filled.length === 0;
}

const words = (value) => (value === null ? '' : Array.isArray(value) ? value.map(short).join(', ') : short(value));
const short = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toString() : format(value)).replace('-', '−');

function element(name, content) {
  const made = document.createElement(name);
  if (Array.isArray(content)) made.append(...content);
  else made.textContent = content;
  return made;
}

function heading(text, scope) {
  return Object.assign(element('th', text), { scope });
}
