// An engine without a network, for work on the page alone: noise that settles into simple shapes.
// It has the interface of src/browser and nothing of its mathematics; it is not shipped.

export default async function init() {}

const SIZE = 28;
const CLASSES = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'];

export class Engine {
  static async create(device, emit) {
    const engine = new Engine();
    engine.name = device;
    engine.emit = emit;
    return engine;
  }

  device() {
    return { device: this.name };
  }

  async load() {
    return { data: { shape: [1, SIZE, SIZE], classes: CLASSES } };
  }

  /** One part has all. */
  start(settings, _guide, part) {
    return part === 0 ? new Run(settings) : undefined;
  }

  async score(x) {
    return x.map((value) => -value);
  }

  memory() {
    return { wasm: 0 };
  }
}

/** Uniform in [0, 1), the same for the same numbers. */
function hash(...numbers) {
  let h = 2166136261;
  for (const number of numbers) h = Math.imul(h ^ number, 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

class Run {
  constructor({ n = 16, steps = 18, seed = 0, label }) {
    // One more for the final denoising.
    Object.assign(this, { n, steps: steps + 1, seed, label, index: 0 });
  }

  info() {
    return { total: this.steps, n: this.n, shape: [1, SIZE, SIZE] };
  }

  async step() {
    if (this.index >= this.steps) return null;
    const end = performance.now() + 40;
    while (performance.now() < end);
    this.index += 1;
    const progress = this.index / this.steps;
    const t = Math.max(0.001, 1 - progress);
    return { index: this.index, total: this.steps, progress, t, sigma: t * 80, nfe: 2 * this.index - (this.index === this.steps), done: this.index === this.steps };
  }

  async settle() {}

  async frame() {
    const clean = this.#paint(0);
    return { x: this.#paint(1 - this.index / this.steps), denoised: this.index < 4 ? this.#paint(0.2) : clean };
  }

  #paint(noise) {
    const pixels = new Uint8ClampedArray(this.n * SIZE * SIZE * 4);
    for (let i = 0; i < this.n; i++) {
      const kind = this.label ?? (this.seed + i) % 10;
      for (let y = 0; y < SIZE; y++) {
        for (let x = 0; x < SIZE; x++) {
          const [u, v] = [(x - 13.5) / 14, (y - 13.5) / 14];
          const inside = Math.abs(u) ** (1 + kind / 3) + Math.abs(v) ** 3 < 0.4 + 0.03 * ((i * 7) % 5);
          const grey = (inside ? 140 + 60 * Math.sin(5 * v + kind) : 0) * (1 - noise) + 255 * noise * hash(this.seed, this.index, i, y, x);
          pixels.set([grey, grey, grey, 255], 4 * ((i * SIZE + y) * SIZE + x));
        }
      }
    }
    return pixels;
  }

  free() {}
}
