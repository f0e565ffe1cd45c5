// What the lab's worker does: networks in training, and particles that follow their scores.

const trainings = new Map();
let next = 1;
/** Steps from one sign of life to the next. */
const SLICE = 8;

/** By the requests' types, as in serve.js. */
export const handlers = {
  /** A network in training, by its number from then on. */
  async train({ config, points, weights }, { engine }) {
    const training = engine.train(config, points ?? undefined, weights ?? undefined);
    const number = next++;
    trainings.set(number, training);
    return { value: { training: number, config: training.config(), parameters: training.parameters() } };
  },

  /** Some at a time, with a sign of life after each of these. */
  async steps({ training, count }, { alive }) {
    const begin = performance.now();
    const losses = [];
    let step = 0;
    while (losses.length < count) {
      const some = await of(training).step(Math.min(SLICE, count - losses.length));
      losses.push(...some.losses);
      step = some.step;
      alive();
    }
    return { value: { step, losses, seconds: (performance.now() - begin) / 1000 } };
  },

  async data({ training, n }) {
    return moved(of(training).data(n));
  },

  async field({ training, x, t }) {
    return both(await of(training).field(x, t));
  },

  async logDensity({ training, x, t }) {
    return both(await of(training).log_density(x, t));
  },

  /** Particles, as a run. */
  async release({ run, training, settings, truth, from }, { runs }) {
    runs.set(run, of(training).sample(settings, truth, from ?? undefined));
    return { value: {} };
  },

  /** A step of theirs; null after the last. */
  async move({ run }, { runs, isDropped, macrotask }) {
    const particles = runs.get(run);
    if (!particles || isDropped(run)) return { value: null };
    const step = await particles.step();
    if (step === null) return { value: null };
    const x = await particles.x();
    await macrotask();
    return { value: { ...step, x }, transfer: [x.buffer] };
  },

  async reset({ training }) {
    of(training).reset();
    return { value: {} };
  },

  async export({ training }) {
    return moved(of(training).export());
  },

  async close({ training }) {
    trainings.get(training)?.free();
    trainings.delete(training);
    return { value: {} };
  },
};

function of(number) {
  const training = trainings.get(number);
  if (!training) throw new Error(`there is no training ${number}`);
  return training;
}

const moved = (value) => ({ value, transfer: [value.buffer] });

function both({ learned, truth }) {
  return { value: { learned, truth }, transfer: [learned, truth].filter(Boolean).map((array) => array.buffer) };
}
