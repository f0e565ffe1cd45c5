// A test double of web/api/lab.js, for work on the lab page without the engine: a small perceptron in plain JavaScript,
// trained by denoising score matching whatever the objective says. It has the interface of the engine and none of its
// promises; it is served in that file's place (server.js) and never shipped.

import { ScorefieldError } from './errors.js';
import { level } from '../lab/process.js';
import { normals, uniform } from '../lab/random.js';

const MIXTURES = {
  'ncsn-mixture': {
    weights: [0.8, 0.2],
    means: [
      [5, 5],
      [-5, -5],
    ],
    std: 1,
  },
  'eight-gaussians': {
    means: Array.from({ length: 8 }, (_, i) => [2 * Math.cos((i * Math.PI) / 4), 2 * Math.sin((i * Math.PI) / 4)]),
    std: 0.2,
  },
  line: { means: Array.from({ length: 41 }, (_, i) => [i / 10 - 2, (i / 10 - 2) / 2]), std: 0.02 },
  tree: { means: branch(0, -1.8, Math.PI / 2, 1.3, 5), std: 0.06 },
};

function branch(x, y, angle, length, depth) {
  if (!depth) return [];
  const [u, v] = [Math.cos(angle), Math.sin(angle)];
  const own = Array.from({ length: 6 }, (_, i) => [x + (u * length * i) / 6, y + (v * length * i) / 6]);
  const next = (turn) => branch(x + u * length, y + v * length, angle + turn, 0.7 * length, depth - 1);
  return [...own, ...next(0.5), ...next(-0.5)];
}

const SHAPES = {
  'swiss-roll': (u, z) => polar(1.5 * Math.PI * (1 + 2 * u()), (a) => a / 7, z),
  checkerboard: (u) => {
    for (;;) {
      const [x, y] = [4 * u() - 2, 4 * u() - 2];
      if ((Math.floor(x) + Math.floor(y)) % 2 === 0) return [x, y];
    }
  },
  pinwheel: (u, z) => {
    const r = 0.3 * z() + 1.2;
    return turn(r, 0.08 * z(), (Math.floor(5 * u()) * 2 * Math.PI) / 5 + r);
  },
  rings: (u, z) => polar(2 * Math.PI * u(), () => 0.6 * (1 + Math.floor(3 * u())), z),
};
const polar = (a, r, z) => [r(a) * Math.cos(a) + 0.04 * z(), r(a) * Math.sin(a) + 0.04 * z()];
const turn = (x, y, a) => [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a)];

const wait = () =>
  new Promise((then) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = then;
    port2.postMessage(0);
  });

export async function openLab() {
  return { train: async (config, options = {}) => new Training(config, options), close() {} };
}

class Training {
  #steps = 0;
  #points;
  #net;

  constructor(config, { points, weights }) {
    if (weights && !new TextDecoder().decode(weights).startsWith('{"mock"')) {
      throw new ScorefieldError('not-weights', 'this is no weights file', {
        where: 'weights',
        remedy: 'load one that the lab or the command line has written',
      });
    }
    const stored = weights && JSON.parse(new TextDecoder().decode(weights));
    config ??= stored.config;
    const { lr } = config.optimiser;
    if (!(lr > 0 && lr < 1))
      throw new ScorefieldError('setting', `optimiser.lr = ${lr}`, { remedy: 'expected a number in (0, 1)' });
    this.config = structuredClone(config);
    this.mixture = points ? null : (MIXTURES[config.data.name] ?? null);
    this.#points = points ?? draw(config.data.name, this.mixture, 4000);
    this.scale = Math.max(...this.#points.map(Math.abs)) / 2;
    this.#net = new Net(config, this.scale);
    this.parameters = this.#net.w.length;
    if (stored) this.#net.w.set(stored.w);
  }

  async step(k = 1) {
    const losses = [];
    const begun = performance.now();
    for (let i = 0; i < k; i++) {
      losses.push(this.#net.step(this.#points, this.config, this.#steps, this.mixture));
      this.#steps += 1;
      await wait();
    }
    return { step: this.#steps, losses, seconds: (performance.now() - begun) / 1000 };
  }

  async data(n) {
    return Float32Array.from({ length: 2 * n }, (_, i) => this.#points[i % this.#points.length]);
  }

  async field(x, t) {
    const at = level(this.config.process, t);
    return { learned: this.#net.score(x, at), truth: this.mixture && truth(this.mixture, x, at).score };
  }

  async logDensity(x, t) {
    const density = this.mixture && truth(this.mixture, x, level(this.config.process, t)).log;
    return { learned: this.config.model.energy ? density : null, truth: density };
  }

  /** Langevin, or Euler's method on the reverse process. */
  async *sample(
    { sampler, steps = 100, n = 512, seed = 1, step_size, level_steps = 5 },
    { score = 'learned', from } = {},
  ) {
    const { process } = this.config;
    const annealed = sampler === 'annealed-langevin';
    const langevin = annealed || ['ula', 'mala', 'hmc'].includes(sampler);
    const high = level(process, 1);
    let x = from ? from.slice() : normals(2 * n, seed).map((z) => z * (high.alpha > 0.5 ? Math.max(high.sigma, 1) : 1));
    for (let i = 0; i < steps; i++) {
      const t = langevin && !annealed ? (process.kind === 'none' ? 0 : 1e-3) : 1 - (i * 0.999) / steps;
      const next = 1 - ((i + 1) * 0.999) / steps;
      const [now, then] = [level(process, t), level(process, next)];
      for (let j = 0; j < (annealed ? level_steps : 1); j++) {
        const s = score === 'truth' ? truth(this.mixture, x, now).score : this.#net.score(x, now);
        const z = normals(x.length, seed * 7919 + i * 101 + j + 1);
        if (langevin) {
          const e = (step_size ?? 0.01) * (annealed ? (now.sigma / level(process, 1e-3).sigma) ** 2 : 1);
          x = x.map((v, k) => v + e * s[k] + Math.sqrt(2 * e) * z[k]);
        } else {
          // x/α against σ/α: the probability flow, and as much noise again as it takes away.
          const [a, b] = [now.sigma / now.alpha, then.sigma / then.alpha];
          const noisy = ['euler-maruyama', 'ancestral', 'reverse-diffusion', 'pc'].includes(sampler);
          const gain = (noisy ? 2 : 1) * a * (b - a) * now.alpha;
          x = x.map(
            (v, k) =>
              then.alpha *
              (v / now.alpha - gain * s[k] + (noisy ? Math.sqrt(Math.max(0, a * a - b * b)) * (b / a) * z[k] : 0)),
          );
        }
      }
      await wait();
      yield {
        index: i + 1,
        total: steps,
        t: langevin && !annealed ? t : next,
        sigma: then.sigma,
        nfe: (i + 1) * (annealed ? level_steps : 1),
        x: x.slice(),
      };
    }
  }

  async reset() {
    this.#steps = 0;
    this.#net = new Net(this.config, this.scale);
  }

  async export() {
    return new TextEncoder().encode(JSON.stringify({ mock: 1, w: [...this.#net.w], config: this.config }));
  }

  async close() {}
}

function draw(name, mixture, n) {
  const u = uniform(99);
  const z = () => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u());
  const points = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    if (mixture) {
      let k = Math.floor(u() * mixture.means.length);
      if (mixture.weights) k = u() < mixture.weights[0] ? 0 : 1;
      points.set(
        mixture.means[k].map((m) => m + mixture.std * z()),
        2 * i,
      );
    } else if (name === 'two-moons') {
      const a = Math.PI * u();
      const p = u() < 0.5 ? [Math.cos(a) - 0.5, Math.sin(a) - 0.25] : [0.5 - Math.cos(a), 0.25 - Math.sin(a)];
      points.set(
        p.map((v) => 1.3 * v + 0.08 * z()),
        2 * i,
      );
    } else points.set(SHAPES[name](u, z), 2 * i);
  }
  return points;
}

function truth({ means, weights, std }, x, { alpha, sigma }) {
  const n = x.length / 2;
  const [score, log] = [new Float32Array(2 * n), new Float32Array(n)];
  const variance = (alpha * std) ** 2 + sigma ** 2;
  for (let i = 0; i < n; i++) {
    const e = means.map(
      ([a, b], k) =>
        Math.log(weights?.[k] ?? 1 / means.length) -
        ((x[2 * i] - alpha * a) ** 2 + (x[2 * i + 1] - alpha * b) ** 2) / (2 * variance),
    );
    const most = Math.max(...e);
    let sum = 0;
    for (const [k, value] of e.entries()) {
      const p = Math.exp(value - most);
      sum += p;
      score[2 * i] += (p * (alpha * means[k][0] - x[2 * i])) / variance;
      score[2 * i + 1] += (p * (alpha * means[k][1] - x[2 * i + 1])) / variance;
    }
    score[2 * i] /= sum;
    score[2 * i + 1] /= sum;
    log[i] = most + Math.log(sum) - Math.log(2 * Math.PI * variance);
  }
  return { score, log };
}

/** inputs–h–h–2 with tanh, which predicts ε; trained by Adam. */
class Net {
  constructor({ model, train }, scale) {
    this.h = Math.min(model.width, 40);
    this.scale = scale;
    this.i = 5;
    const { h, i } = this;
    this.w = normals(h * (i + 1) + h * (h + 1) + 2 * (h + 1), train.seed + 1).map(
      (v, at) => v / Math.sqrt(at < h * (i + 1) ? i : h),
    );
    [this.m, this.v] = [new Float32Array(this.w.length), new Float32Array(this.w.length)];
  }

  /** Activations of one row. */
  forward(x, y, { alpha, sigma }) {
    const { h, i, w } = this;
    const spread = Math.hypot(alpha * this.scale, sigma);
    const c = Math.log(sigma + 0.02) / 2;
    const input = [x / spread, y / spread, c, Math.sin(2 * c), Math.cos(2 * c)];
    const [a, b] = [new Float64Array(h), new Float64Array(h)];
    let at = 0;
    for (let r = 0; r < h; r++) {
      let s = w[at++];
      for (let k = 0; k < i; k++) s += w[at++] * input[k];
      a[r] = Math.tanh(s);
    }
    for (let r = 0; r < h; r++) {
      let s = w[at++];
      for (let k = 0; k < h; k++) s += w[at++] * a[k];
      b[r] = Math.tanh(s);
    }
    const out = [0, 0];
    for (let r = 0; r < 2; r++) {
      let s = w[at++];
      for (let k = 0; k < h; k++) s += w[at++] * b[k];
      out[r] = s;
    }
    return { input, a, b, out };
  }

  score(x, { alpha, sigma }) {
    const s = new Float32Array(x.length);
    const width = sigma || 0.3 * this.scale;
    for (let i = 0; i < x.length; i += 2) {
      const { out } = this.forward(x[i], x[i + 1], { alpha, sigma: width });
      s[i] = -out[0] / width;
      s[i + 1] = -out[1] / width;
    }
    return s;
  }

  step(points, { process, optimiser, train }, count, mixture) {
    const n = Math.min(train.batch, 64);
    const u = uniform(train.seed * 100003 + count);
    const z = normals(2 * n, train.seed * 7 + count);
    const { h, i, w } = this;
    const g = new Float32Array(w.length);
    let loss = 0;
    for (let r = 0; r < n; r++) {
      const row = Math.floor((u() * points.length) / 2);
      const clean = process.kind === 'none';
      const at = clean ? { alpha: 1, sigma: 0.3 * this.scale } : level(process, 1e-3 + 0.999 * u());
      const e = clean && mixture ? [0, 0] : [z[2 * r], z[2 * r + 1]];
      const x = [0, 1].map((d) => at.alpha * points[2 * row + d] + at.sigma * e[d]);
      if (clean && mixture)
        e.splice(0, 2, ...truth(mixture, Float32Array.from(x), { alpha: 1, sigma: 0 }).score.map((v) => -v * at.sigma));
      const { input, a, b, out } = this.forward(x[0], x[1], at);
      const d = out.map((v, k) => v - e[k]);
      loss += (d[0] ** 2 + d[1] ** 2) / n;
      const [w2, w3] = [h * (i + 1), h * (i + 1) + h * (h + 1)];
      const [da, db] = [new Float64Array(h), new Float64Array(h)];
      for (let o = 0; o < 2; o++) {
        const q = (2 * d[o]) / n;
        g[w3 + o * (h + 1)] += q;
        for (let k = 0; k < h; k++) {
          g[w3 + o * (h + 1) + 1 + k] += q * b[k];
          db[k] += q * w[w3 + o * (h + 1) + 1 + k];
        }
      }
      for (let o = 0; o < h; o++) {
        const q = db[o] * (1 - b[o] ** 2);
        g[w2 + o * (h + 1)] += q;
        for (let k = 0; k < h; k++) {
          g[w2 + o * (h + 1) + 1 + k] += q * a[k];
          da[k] += q * w[w2 + o * (h + 1) + 1 + k];
        }
      }
      for (let o = 0; o < h; o++) {
        const q = da[o] * (1 - a[o] ** 2);
        g[o * (i + 1)] += q;
        for (let k = 0; k < i; k++) g[o * (i + 1) + 1 + k] += q * input[k];
      }
    }
    // What a real network comes to by itself at such a rate.
    if (!Number.isFinite(loss) || optimiser.lr > 0.5)
      throw new ScorefieldError('not-finite', 'the loss is not a number', {
        where: `step ${count + 1}`,
        remedy: 'use a smaller learning rate',
      });
    for (let k = 0; k < w.length; k++) {
      this.m[k] = 0.9 * this.m[k] + 0.1 * g[k];
      this.v[k] = 0.99 * this.v[k] + 0.01 * g[k] ** 2;
      const [m, v] = [this.m[k] / (1 - 0.9 ** (count + 1)), this.v[k] / (1 - 0.99 ** (count + 1))];
      w[k] -= (optimiser.lr * 3 * m) / (Math.sqrt(v) + 1e-8);
    }
    return loss;
  }
}
