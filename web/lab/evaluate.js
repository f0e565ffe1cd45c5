// What the figures show of a network at one time: its score, the true one and log-densities, on grids and at data.

import { grid, noised } from './random.js';
import { level, times } from './process.js';
import { byRegion, norm, relative } from './measure.js';

/** Arrows and cells a side. */
export const [ARROWS, CELLS] = [18, 36];
/** Data at which errors are measured, and levels of the curve. */
const [PROBES, LEVELS] = [256, 10];

/** The part of rows that belongs to the k-th group of points. */
function parts(rows, counts) {
  let at = 0;
  return counts.map((count) => rows && rows.subarray(2 * at, 2 * (at += count)));
}

/**
 * Where neither a true score nor a density is known, there are no cells to show.
 *
 * @param {object} side of the session; what is known of it is remembered there
 * @param {{view: object, t: number, clean: Float32Array, noise: Float32Array}} at `clean`: data
 * @returns {Promise<object>} `arrows` and `cells` (`points`, `learned`, `truth` or null), `log` of the cells, errors
 */
export async function snapshot(side, { view, t, clean, noise }) {
  const { training, config, step, isKnown = true } = side;
  const time = config.process.kind === 'none' ? 0 : t;
  const groups = [
    grid(ARROWS, view),
    isKnown ? grid(CELLS, view) : new Float32Array(),
    probes(config.process, time, clean, noise),
  ];
  const counts = groups.map(({ length }) => length / 2);
  const all = new Float32Array(groups.reduce((sum, { length }) => sum + length, 0));
  groups.reduce((from, group) => (all.set(group, from), from + group.length), 0);
  const [field, log] = await Promise.all([
    training.field(all, time),
    isKnown ? training.logDensity(groups[1], time) : { learned: null, truth: null },
  ]);
  side.isKnown = isKnown && (field.truth ?? log.learned ?? log.truth) !== null;
  const [learned, truth] = [parts(field.learned, counts), parts(field.truth, counts)];
  const [arrows, cells, data] = groups.map((points, k) => ({ points, learned: learned[k], truth: truth[k] }));
  return {
    t: time,
    step,
    level: level(config.process, time),
    arrows,
    cells,
    log,
    error: data.truth ? relative(data.learned, data.truth) : null,
    regions: cells.truth && log.truth ? byRegion(cells.learned, cells.truth, log.truth) : null,
  };
}

/** Data at a level of noise, where the network is at home. */
function probes(process, t, clean, noise) {
  const count = Math.min(2 * PROBES, clean.length);
  return noised(clean.subarray(0, count), noise, level(process, t));
}

/** Error and size of the score along the levels of noise, `{sigma, error, learned, truth}`; none where there are none. */
export async function alongLevels({ training, config }, { clean, noise }) {
  const { process } = config;
  if (process.kind === 'none') return [];
  const points = [];
  for (const t of times(process, LEVELS)) {
    const { learned, truth } = await training.field(probes(process, t, clean, noise), t);
    const error = truth ? relative(learned, truth) : null;
    points.push({ sigma: level(process, t).sigma, error, learned: norm(learned), truth: truth && norm(truth) });
  }
  return points;
}
