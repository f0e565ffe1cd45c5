// The page's own draws, for what is shown or released on it: one seed, one picture. The engine's noise is counted
// (src/noise.rs) and its own.

/** Uniform numbers in [0, 1) by mulberry32. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers, by Box and Muller. */
export function normals(count, seed) {
  const draw = uniform(seed);
  const all = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const [radius, angle] = [Math.sqrt(-2 * Math.log(1 - draw())), 2 * Math.PI * draw()];
    all[i] = radius * Math.cos(angle);
    if (i + 1 < count) all[i + 1] = radius * Math.sin(angle);
  }
  return all;
}

/** Rows at a level of a process: α·x₀ + σ·ε. */
export function noised(clean, noise, { alpha, sigma }) {
  return clean.map((value, i) => alpha * value + sigma * noise[i]);
}

/** n points, uniform in the square of half-width `extent` about `centre`. */
export function square(n, { centre: [x, y], extent }, seed) {
  const draw = uniform(seed);
  const points = new Float32Array(2 * n);
  for (let i = 0; i < points.length; i++) points[i] = (i % 2 ? y : x) + extent * (2 * draw() - 1);
  return points;
}

/** k² points on a grid in that square, each in the middle of its cell, rows from below. */
export function grid(k, { centre: [x, y], extent }) {
  const points = new Float32Array(2 * k * k);
  for (let j = 0; j < k; j++) {
    for (let i = 0; i < k; i++) {
      points[2 * (j * k + i)] = x + extent * ((2 * i + 1) / k - 1);
      points[2 * (j * k + i) + 1] = y + extent * ((2 * j + 1) / k - 1);
    }
  }
  return points;
}
