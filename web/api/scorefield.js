// Scorefield in a page: load a score network, sample from it, draw every step.
//
//   import { load } from './scorefield.js'
//   const model = await load('models/fashion.safetensors', { device: 'auto' })
//   for await (const step of model.sample({ sampler: 'heun', steps: 18, n: 16, seed: 1 })) step.draw(canvas)
//
// The engine runs in workers that can be replaced at any time: the model keeps its bytes, a run keeps its
// settings and its seed, and noise is counted, so that a new worker gets to the same place by the same way.

import { devices } from './device.js';
import { draw, toPng } from './draw.js';
import { ScorefieldError, aborted } from './errors.js';
import { Death } from './host.js';
import { Pool } from './pool.js';
import { Run, Step, checkNumbers, newRun } from './run.js';
import { models, readWeights, resolve } from './weights.js';

export { Run, ScorefieldError, Step, devices, draw, models, resolve, toPng };

/** Pools of workers that one model may wear out before it gives up; a step that succeeds does not refill it. */
const MAX_DEATHS = 4;
/** Milliseconds without an answer after which a worker counts as hung: compiling shaders takes long. */
const TIMEOUT = 120_000;
/** The same for a worker's first sign of life, when it has nothing to do yet. */
const HELLO = 30_000;
/** About half of what an adaptive solver evaluates before it reads anything back. */
const SOLVER = 4;

/**
 * Loads a model: its weights, the engine, and a device.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView | Promise} source a shipped model's name, an address, or the
 *   data; or a promise of it
 * @param {{device?: 'auto' | 'webgpu' | 'cpu', signal?: AbortSignal, onProgress?: (event: object) => void,
 *          maxBytes?: number, sha256?: string, allowForeign?: boolean, timeout?: number, workers?: 'auto' | number}} [options]
 * @returns {Promise<Model>}
 */
export async function load(source, options = {}) {
  const { device = 'auto', signal, onProgress = () => {}, timeout = TIMEOUT, workers = 'auto' } = options;
  const { maxBytes, sha256, allowForeign } = options;
  if (signal?.aborted) throw aborted(signal);
  // The workers start and the engine is compiled while the weights are on their way.
  const model = new Model({ device, workers, onProgress, timeout });
  const stop = () => model.dispose();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await model._take(await readWeights(await source, { signal, onProgress, maxBytes, sha256, allowForeign }));
    return model;
  } catch (error) {
    model.dispose();
    throw signal?.aborted ? aborted(signal) : ScorefieldError.from(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * A loaded model. Dispatches `recover` (a worker died and another took over; `detail.reason`) and `device`
 * (the device changed; `detail.device`, `detail.reason`).
 */
export class Model extends EventTarget {
  #weights = null;
  #wanted;
  #options;
  /** Workers that have no model yet, and those that have it, or are given it. */
  #begun;
  #pool = null;
  #starting = null;
  #deaths = 0;
  #lost = 0;
  #givenUp = null;
  #disposed = false;

  /** Made by `load`: without weights, which `_take` takes. */
  constructor({ device, ...options }) {
    super();
    this.#wanted = device;
    this.#options = { ...options, hello: Math.min(options.timeout, HELLO) };
    this._timeout = options.timeout;
    this.manifest = null;
    this.device = null;
    this.reason = '';
    this.adapter = null;
    this.frames = null;
    this.#begun = this.#begin();
  }

  async _take(weights) {
    this.#weights = weights;
    this.name = weights.name;
    this.title = weights.title ?? weights.name;
    this.sha256 = weights.sha256;
    await this._pool();
  }

  /** Workers that share a run's samples. */
  get workers() {
    return this.#pool?.size ?? 0;
  }

  /** `network`, or `mixture`: an exact score, from a TOML file. */
  get kind() {
    return this.manifest.kind;
  }

  /** Channels, height, width; of a mixture in d dimensions 1, 1, d. */
  get shape() {
    return this.manifest.data.shape;
  }

  /** Names of the classes; empty for an unconditional model. */
  get classes() {
    return this.manifest.data.classes;
  }

  /** Starts a run; nothing is computed until it is iterated. See scorefield.d.ts for the settings. */
  sample(settings = {}) {
    if (this.#disposed) throw disposed();
    return new Run(this, settings);
  }

  /**
   * The score ∇ₓ log pₜ(x) of each row.
   *
   * @param {Float32Array} x n·d values, samples first
   * @param {number} t from 0 (data) to 1 (noise)
   * @param {number | null} [label]
   * @returns {Promise<Float32Array>} as long as x
   */
  async score(x, t, label = null) {
    return this.#ask('score', { x, t, label });
  }

  /**
   * The latent codes of data: x at t = 1, by the probability flow.
   *
   * @param {Float32Array} x n·d values, samples first
   * @param {{label?: number | null, rtol?: number, atol?: number, t_end?: number, signal?: AbortSignal}} [options]
   * @returns {Promise<Float32Array>} as long as x
   */
  async encode(x, { signal, ...options } = {}) {
    checkRows({ x });
    checkNumbers(options);
    return this.#ask('encode', { x, options }, { signal, evaluations: SOLVER });
  }

  /**
   * The data of latent codes, which are moved by `strength` times the way from the mean of `from` to that of `to`
   * and then multiplied by `temperature`.
   *
   * @param {Float32Array} codes n·d values, samples first
   * @returns {Promise<Float32Array>} as long as codes
   */
  async decode(codes, { from = null, to = null, strength = 1, temperature = 1, signal, ...options } = {}) {
    checkRows({ codes });
    if (from !== null || to !== null) checkRows({ from, to });
    checkNumbers({ strength, temperature, ...options });
    const edit = { from, to, strength, temperature };
    return this.#ask('decode', { codes, edit, options }, { signal, evaluations: SOLVER });
  }

  /**
   * Data on the arc between the codes of two samples: `frames` + 1 samples, the first and the last near `a` and `b`.
   *
   * @param {Float32Array} a one sample
   * @param {Float32Array} b one sample
   * @returns {Promise<Float32Array>}
   */
  async interpolate(a, b, { frames = 8, temperature = 1, signal, ...options } = {}) {
    checkRows({ a, b });
    checkNumbers({ frames, temperature, ...options });
    const x = new Float32Array(a.length + b.length);
    x.set(a);
    x.set(b, a.length);
    return this.#ask('interpolate', { x, frames, temperature, options }, { signal, evaluations: SOLVER });
  }

  /**
   * log p of data, in nats, by the probability flow's change of variables; of mixtures only.
   *
   * @param {Float32Array} x n·d values, samples first
   * @returns {Promise<{logLikelihood: Float64Array, bitsPerDim: number, nfe: number, protocol: object}>}
   */
  async logLikelihood(x, { divergence = 'exact', signal, ...options } = {}) {
    checkRows({ x });
    checkNumbers(options);
    if (divergence !== 'exact') {
      const remedy = 'use exact: estimates need gradients, which only the command line computes (scorefield likelihood)';
      throw new ScorefieldError('setting', `divergence = ${divergence}`, { remedy });
    }
    return this.#ask('likelihood', { x, options }, { signal, evaluations: SOLVER });
  }

  /** A request that a worker's death does not end, and a signal does: the worker drops it as soon as it can. */
  async #ask(type, payload, { signal, evaluations = 1 } = {}) {
    if (signal?.aborted) throw aborted(signal);
    const run = newRun();
    let pool = null;
    let stop;
    const stopped = new Promise((_, reject) => {
      stop = () => {
        pool?.send('drop', {}, { run });
        reject(aborted(signal));
      };
    });
    const answered = async () => {
      for (;;) {
        pool = await this._pool();
        if (signal?.aborted) return null;
        // The CPU gives a sign of life after each evaluation; a GPU has taken several before it has done them.
        const queued = this.device === 'webgpu' ? evaluations : 1;
        try {
          return await pool.request(type, payload, { run, timeout: this._timeout * queued });
        } catch (error) {
          if (!(error instanceof Death)) throw error;
          if (signal?.aborted) return null;
          this._recover(pool, error);
        }
      }
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([answered(), stopped]);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Bytes that the engine holds, in all its workers: `{ wasm }`. */
  async memory() {
    const parts = await (await this._pool()).all('memory');
    return parts.reduce((sum, part) => Object.fromEntries(Object.entries(part).map(([kind, bytes]) => [kind, bytes + (sum[kind] ?? 0)])), {});
  }

  /** Ends the workers and frees what they held. Runs that wait end with an error. */
  dispose() {
    this.#disposed = true;
    for (const pool of [this.#begun, this.#pool]) pool?.kill(new Death('killed', 'the model was disposed'));
    this.#begun = this.#pool = null;
  }

  /** The workers with this model in them, started if need be. */
  async _pool() {
    for (;;) {
      if (this.#disposed) throw disposed();
      if (!this.#starting && this.#pool?.death) this._recover(this.#pool, this.#pool.death);
      else if (!this.#starting && this.#pool) return this.#pool;
      const starting = (this.#starting ??= this.#start().finally(() => (this.#starting = null)));
      try {
        return await starting;
      } catch (error) {
        if (!(error instanceof Death) || this.#disposed) throw this.#disposed ? disposed() : error;
        this._recover(null, error);
      }
    }
  }

  _progress(event) {
    this.#options.onProgress(event);
  }

  #begin() {
    return new Pool(this.#wanted, this.#options);
  }

  async #start() {
    const pool = (this.#pool = this.#begun ?? this.#begin());
    this.#begun = null;
    try {
      await this.#fill(pool);
    } catch (error) {
      pool.kill(error instanceof Death ? error : new Death('killed', error.message));
      this.#pool = null;
      const { device, reason } = await pool.ready.catch(() => ({}));
      if (error.code !== 'device' || device !== 'webgpu' || this.#wanted !== 'auto') throw error;
      // A GPU that computes nonsense: the CPU instead.
      this.#useCpu(`on WebGPU ${error.what}`);
      return this.#start();
    }
    return pool;
  }

  /** Puts the model into workers that are starting. */
  async #fill(pool) {
    const { device, reason, adapter, frames } = await pool.ready;
    this.manifest = await pool.load(this.#weights.bytes, this.#weights.name);
    const changed = this.device !== null && this.device !== device;
    this.device = device;
    this.adapter = adapter;
    this.frames = frames;
    // Once WebGPU was given up, that is the reason for the CPU.
    this.reason = this.#givenUp ?? reason;
    if (changed) this.dispatchEvent(new CustomEvent('device', { detail: { device, reason: this.reason } }));
    this.#options.onProgress({ phase: 'ready', device, reason: this.reason });
  }

  #useCpu(reason) {
    this.#wanted = 'cpu';
    this.#givenUp = reason;
  }

  /** After a worker's death: new ones, a bounded number of times; from WebGPU to the CPU the second time. */
  _recover(pool, death) {
    if (this.#disposed) throw disposed();
    // Several runs see one death; only the first counts.
    if (pool !== null && pool !== this.#pool) return;
    if (this.#starting) return;
    this.#pool = null;
    this.#deaths += 1;
    const onGpu = this.device === 'webgpu' || (this.device === null && this.#wanted !== 'cpu');
    if (death.kind === 'script' || this.#deaths >= MAX_DEATHS) throw worn(death, this.device);
    if (onGpu && death.kind !== 'killed') {
      this.#lost += 1;
      if (this.#lost > 1 && this.#wanted === 'webgpu') throw worn(death, 'webgpu');
      if (this.#lost > 1) {
        this.#useCpu(`WebGPU failed twice (${death.message})`);
      }
    }
    this.dispatchEvent(new CustomEvent('recover', { detail: { kind: death.kind, reason: death.message } }));
  }
}

/** Rows of numbers have one type; the engine knows how long they must be. */
function checkRows(rows) {
  for (const [name, value] of Object.entries(rows)) {
    if (value instanceof Float32Array) continue;
    const given = value === null || typeof value !== 'object' ? String(value) : value.constructor?.name ?? 'an object';
    throw new ScorefieldError('setting', `${name} = ${given}`, { remedy: 'use a Float32Array of whole samples' });
  }
}

function disposed() {
  return new ScorefieldError('disposed', 'the model was disposed', { remedy: 'load it again' });
}

function worn(death, device) {
  if (death.kind === 'script') {
    return new ScorefieldError('engine', death.message, { remedy: death.remedy, cause: death });
  }
  const code = { lost: 'device-lost', 'gpu-error': 'device', timeout: 'timeout' }[death.kind] ?? 'engine';
  const remedy = device === 'webgpu' ? 'use device cpu, or fewer samples' : 'use fewer samples; reload the page';
  return new ScorefieldError(code, `the engine stopped: ${death.message}`, { where: `device ${device ?? 'unknown'}`, remedy, cause: death });
}
