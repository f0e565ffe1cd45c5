// What the page measures: errors of a score by region and by level, and what a cloud of particles is like beside the
// data. Rows of two numbers; no elements here.

/** Nats below the greatest log-density where a region begins. */
export const REGIONS = [0, 2, 4, 8, 16, 32];

const square = (values, i) => values[2 * i] ** 2 + values[2 * i + 1] ** 2;

/** Root mean square norm of rows; of some of them, where `use` is given. */
export function norm(rows, use = () => true) {
  let [sum, count] = [0, 0];
  for (let i = 0; 2 * i < rows.length; i++) {
    if (!use(i)) continue;
    sum += square(rows, i);
    count += 1;
  }
  return count ? Math.sqrt(sum / count) : NaN;
}

export function difference(a, b) {
  return a.map((value, i) => value - b[i]);
}

/** √(E‖s − s*‖² / E‖s*‖²), over all rows or those in use. */
export function relative(learned, truth, use) {
  return norm(difference(learned, truth), use) / norm(truth, use);
}

/** The relative error of each region of log-density, from the modes outwards; null where there are no points. */
export function byRegion(learned, truth, log) {
  const most = log.reduce((a, b) => Math.max(a, b));
  return REGIONS.map((from, k) => {
    const to = REGIONS[k + 1] ?? Infinity;
    const inside = (i) => most - log[i] >= from && most - log[i] < to;
    return log.some((_, i) => inside(i)) ? relative(learned, truth, inside) : null;
  });
}

/** Names of the regions. */
export const regionNames = REGIONS.map((from, k) =>
  k + 1 < REGIONS.length ? `${from}–${REGIONS[k + 1]}` : `>${from}`,
);

/** Mean and standard deviation of each axis. */
export function moments(points) {
  const n = points.length / 2;
  const mean = [0, 0];
  const square = [0, 0];
  for (let i = 0; i < points.length; i++) mean[i % 2] += points[i] / n;
  for (let i = 0; i < points.length; i++) square[i % 2] += (points[i] - mean[i % 2]) ** 2 / n;
  return { mean, std: square.map(Math.sqrt) };
}

/** The points on the positive side of a line through the origin, given by its normal. */
export function beyond(points, [a, b]) {
  const found = [];
  for (let i = 0; i < points.length; i += 2) {
    if (a * points[i] + b * points[i + 1] > 0) found.push(points[i], points[i + 1]);
  }
  return Float32Array.from(found);
}

/** Their share of all. */
export function share(points, normal) {
  return beyond(points, normal).length / points.length;
}

/** Directions of the sliced distance, and quantiles that are compared along each. */
const [DIRECTIONS, QUANTILES] = [24, 100];

/** The sliced Wasserstein-1 distance of two clouds, in units of the data: the mean over directions. */
export function sliced(p, q) {
  let sum = 0;
  for (let k = 0; k < DIRECTIONS; k++) {
    const [u, v] = [Math.cos((k * Math.PI) / DIRECTIONS), Math.sin((k * Math.PI) / DIRECTIONS)];
    const [a, b] = [p, q].map((points) => {
      const along = new Float32Array(points.length / 2);
      for (let i = 0; i < along.length; i++) along[i] = u * points[2 * i] + v * points[2 * i + 1];
      return along.sort();
    });
    for (let i = 0; i < QUANTILES; i++) {
      const at = (sorted) => sorted[Math.floor(((i + 0.5) / QUANTILES) * sorted.length)];
      sum += Math.abs(at(a) - at(b));
    }
  }
  return sum / (DIRECTIONS * QUANTILES);
}

/** The mean length of the particles' paths. */
export function pathLength(frames) {
  let sum = 0;
  const n = frames[0].length / 2;
  for (let f = 1; f < frames.length; f++) {
    for (let i = 0; i < n; i++) {
      sum += Math.hypot(frames[f][2 * i] - frames[f - 1][2 * i], frames[f][2 * i + 1] - frames[f - 1][2 * i + 1]);
    }
  }
  return sum / n;
}

/** The square that shows points: their bulk, and some room around it, on round numbers. */
export function viewOf(points) {
  const ends = [0, 1].map((d) => {
    const along = points.filter((_, i) => i % 2 === d).sort();
    return [along[Math.floor(0.005 * along.length)], along[Math.ceil(0.995 * along.length) - 1]];
  });
  const middle = ends.map(([low, high]) => (low + high) / 2);
  const widest = Math.max(...ends.map(([low, high], d) => Math.max(high - middle[d], middle[d] - low))) || 1;
  const power = 10 ** Math.floor(Math.log10(widest * 1.3));
  // A little more than a round number, so that the outermost ticks are inside.
  const extent = 1.04 * Math.ceil((widest * 1.3) / (power / 2)) * (power / 2);
  // About the origin where the data are, nearly.
  const centre = middle.map((value) =>
    Math.abs(value) < 0.15 * extent ? 0 : Math.round(value / (power / 10)) * (power / 10),
  );
  return { centre, extent };
}
