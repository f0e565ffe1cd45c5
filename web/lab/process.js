// The forward processes in closed form, for labels and for noising the data that are shown: x_t = α(t)·x₀ + σ(t)·ε
// (Song et al. 2021, https://arxiv.org/abs/2011.13456; EDM: Karras et al. 2022, where σ is linear in t).

/** @returns {{alpha: number, sigma: number}} */
export function level({ kind, ...given }, t) {
  const {
    sigma_min: low,
    sigma_max: high,
    beta_min,
    beta_max,
    steps,
    beta_start,
    beta_end,
  } = { ...USUAL[kind], ...given };
  switch (kind) {
    case 'none':
      return { alpha: 1, sigma: 0 };
    case 've':
    case 'smld':
      return { alpha: 1, sigma: low * (high / low) ** t };
    case 'edm':
      return { alpha: 1, sigma: high * t };
    case 'ddpm':
      return chain(t, steps, beta_start, beta_end);
    default: {
      const alpha = Math.exp((-t * t * (beta_max - beta_min)) / 4 - (t * beta_min) / 2);
      const square = 1 - alpha * alpha;
      return { alpha, sigma: kind === 'sub-vp' ? square : Math.sqrt(square) };
    }
  }
}

/** Parameters that a config may leave out, as src/sde has them. */
const USUAL = {
  vp: { beta_min: 0.1, beta_max: 20 },
  'sub-vp': { beta_min: 0.1, beta_max: 20 },
  ve: { sigma_min: 0.01, sigma_max: 50 },
  smld: { sigma_min: 0.01, sigma_max: 50 },
  edm: { sigma_min: 0.002, sigma_max: 80 },
  ddpm: { steps: 1000, beta_start: 1e-4, beta_end: 0.02 },
};

/** DDPM's chain: β linear, ln α linear in t between its points. */
function chain(t, steps, start, end) {
  let log = 0;
  const at = t * steps;
  for (let i = 0; i < at; i++) {
    const beta = start + ((end - start) * i) / Math.max(1, steps - 1);
    log += (Math.log1p(-beta) / 2) * Math.min(1, at - i);
  }
  const alpha = Math.exp(log);
  return { alpha, sigma: Math.sqrt(1 - alpha * alpha) };
}

/** Times at which errors by σ are measured: even in log σ, from where sampling ends to where it begins. */
export function times(process, count, t_end = 1e-3) {
  if (process.kind === 'none') return [0];
  const [low, high] = [t_end, 1].map((t) => Math.log(level(process, t).sigma));
  return Array.from({ length: count }, (_, i) => timeOf(process, Math.exp(low + ((high - low) * i) / (count - 1))));
}

/** The time at which the noise is σ, by bisection. */
export function timeOf(process, sigma) {
  let [low, high] = [0, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (level(process, middle).sigma < sigma) low = middle;
    else high = middle;
  }
  return high;
}
