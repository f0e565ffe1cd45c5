// A loaded model: its weights, the workers that it is in, and what they are asked.
//
// The workers can be replaced at any time: the model keeps its bytes, a run keeps its settings and its seed, and noise
// is counted, so that a new worker gets to the same place by the same way.

import { classOf, jsonable, named, number, rows, signalOf } from './check.js';
import { ScorefieldError, aborted } from './errors.js';
import { Death } from './host.js';
import { Pool } from './pool.js';
import { Run, newRun } from './run.js';

/** Pools of workers that may be worn out one after another; work that comes to its end refills it, a step does not. */
const MAX_DEATHS = 4;
/** Milliseconds for a worker's first sign of life, when it has nothing to do yet. */
const HELLO = 30_000;
/** Milliseconds without work after which memory is given back. */
const IDLE = 2000;
/** Bytes that an idle worker may hold. WebAssembly's memory only grows: one that holds more is replaced. */
const KEPT = 64 * 2 ** 20;
/** About half of what an adaptive solver evaluates before it reads anything back. */
const SOLVER = 4;

/**
 * A loaded model. Dispatches `recover` (a worker died and another took over; `detail.reason`) and `device` (the device
 * changed; `detail.device`, `detail.reason`).
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
  /** Runs and other work that workers are at. */
  #active = 0;
  #idle = 0;

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
  sample(settings) {
    if (this.#disposed) throw disposed();
    const given = named('settings', settings, "{ sampler: 'heun', steps: 18 }");
    return new Run(this, this.#labelled(given));
  }

  /**
   * The score ∇ₓ log pₜ(x) of each row.
   *
   * @param {Float32Array} x n·d values, samples first
   * @param {number} t from 0 (data) to 1 (noise)
   * @param {number | string | null} [label] a class's number or name
   * @returns {Promise<Float32Array>} as long as x
   */
  async score(x, t, label = null) {
    rows({ x }, this.#dimensions);
    number('t', t, { least: 0, most: 1 });
    return this.#ask('score', { x, t, label: classOf(label, this.classes) });
  }

  /**
   * The latent codes of data: x at t = 1, by the probability flow.
   *
   * @param {Float32Array} x n·d values, samples first
   * @param {{label?: number | string | null, rtol?: number, atol?: number, t_end?: number, signal?: AbortSignal}}
   *   [options]
   * @returns {Promise<Float32Array>} as long as x
   */
  async encode(x, options) {
    rows({ x }, this.#dimensions);
    const [{ signal }, flow] = this.#flow(options);
    return this.#ask('encode', { x, options: flow }, { signal, evaluations: SOLVER });
  }

  /**
   * The data of latent codes, which are moved by `strength` times the way from the mean of `from` to that of `to` and
   * then multiplied by `temperature`.
   *
   * @param {Float32Array} codes n·d values, samples first
   * @returns {Promise<Float32Array>} as long as codes
   */
  async decode(codes, options) {
    rows({ codes }, this.#dimensions);
    const own = { from: null, to: null, strength: 1, temperature: 1 };
    const [{ signal, from, to, strength, temperature }, flow] = this.#flow(options, own);
    if (from !== null || to !== null) rows({ from, to }, this.#dimensions);
    const edit = { from, to, strength: number('strength', strength), temperature: number('temperature', temperature) };
    return this.#ask('decode', { codes, edit, options: flow }, { signal, evaluations: SOLVER });
  }

  /**
   * Data on the arc between the codes of two samples: `frames` + 1 samples, the first and the last near `a` and `b`.
   *
   * @param {Float32Array} a one sample
   * @param {Float32Array} b one sample
   * @returns {Promise<Float32Array>}
   */
  async interpolate(a, b, options) {
    rows({ a, b }, this.#dimensions);
    const [{ signal, frames, temperature }, flow] = this.#flow(options, { frames: 8, temperature: 1 });
    const arc = { frames: number('frames', frames), temperature: number('temperature', temperature) };
    const x = new Float32Array(a.length + b.length);
    x.set(a);
    x.set(b, a.length);
    return this.#ask('interpolate', { x, ...arc, options: flow }, { signal, evaluations: SOLVER });
  }

  /**
   * log p of data, in nats, by the probability flow's change of variables. The divergence of mixtures
   * has a closed form, and networks of kind mlp have derivatives in forward mode; others need gradients, for which an
   * engine of their own is fetched.
   *
   * @param {Float32Array} x n·d values, samples first
   * @returns {Promise<{logLikelihood: Float64Array, bitsPerDim: number, nfe: number, protocol: object}>}
   */
  async logLikelihood(x, options) {
    rows({ x }, this.#dimensions);
    const [{ signal }, flow] = this.#flow(options);
    const isKnown =
      this.kind === 'mixture' ? flow.divergence !== 'hutchinson' : this.manifest.architecture.kind === 'mlp';
    const workers = isKnown ? this.#ordinary : this.#gradients;
    return this.#ask('likelihood', { x, options: flow }, { signal, evaluations: SOLVER, workers });
  }

  /** Numbers of one sample. */
  get #dimensions() {
    return this.shape.reduce((product, side) => product * side);
  }

  /** Settings with the class by its number. */
  #labelled(settings) {
    const { label } = settings;
    return label === undefined || label === null ? settings : { ...settings, label: classOf(label, this.classes) };
  }

  /** Options of work along the flow: a signal and those of `own`, with their defaults, and what is the engine's. */
  #flow(options, own = {}) {
    const { signal, ...given } = named('options', options, '{ rtol: 1e-5 }');
    const mine = { signal: signalOf(signal) };
    for (const [name, value] of Object.entries(own)) {
      mine[name] = given[name] ?? value;
      delete given[name];
    }
    return [mine, this.#labelled(jsonable(given))];
  }

  /** A request that a worker's death does not end, and a signal does: the worker drops it as soon as it can. */
  async #ask(type, payload, { signal, evaluations = 1, workers = this.#ordinary } = {}) {
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
        pool = await workers.get();
        if (signal?.aborted) return null;
        // The CPU gives a sign of life after each evaluation; a GPU has taken several before it has done them.
        const queued = this.device === 'webgpu' ? evaluations : 1;
        try {
          return await pool.request(type, payload, { run, timeout: this._timeout * queued });
        } catch (error) {
          if (!(error instanceof Death)) throw error;
          if (signal?.aborted) return null;
          workers.recover(pool, error);
        }
      }
    };
    signal?.addEventListener('abort', stop, { once: true });
    this.#active += 1;
    let succeeded = false;
    try {
      const value = await Promise.race([answered(), stopped]);
      succeeded = true;
      return value;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#leave(succeeded);
    }
  }

  /** The workers that sample. */
  #ordinary = { get: () => this._pool(), recover: (pool, death) => this._recover(pool, death) };

  /** One worker with gradients, from its first use on. */
  #gradients = {
    host: null,
    get: () => (this.#gradients.host ??= this.#openGradients()),
    recover: (_, death) => {
      this.#gradients.host = null;
      throw this.#disposed ? disposed() : worn(death, 'cpu');
    },
    end: (death) => this.#gradients.host?.then((host) => host.kill(death), () => {}),
  };

  async #openGradients() {
    try {
      const { withGradients } = await import('./gradients.js');
      const host = await withGradients(this.#options);
      try {
        await host.request('load', this.#weights, { timeout: this._timeout });
      } catch (error) {
        host.kill(new Death('killed', 'the model could not be loaded'));
        throw error;
      }
      if (this.#disposed) throw host.kill(new Death('killed', 'the model was disposed'));
      return host;
    } catch (error) {
      this.#gradients.host = null;
      throw error instanceof Death ? (this.#disposed ? disposed() : worn(error, 'cpu')) : error;
    }
  }

  /** What a run does with workers: `begin` says that it is in those of a pool, `drop` takes it out of them. */
  _hold(run) {
    let pool = null;
    let dropped = false;
    return {
      begin: (next) => {
        if (!pool) this.#active += 1;
        pool = next;
      },
      drop: (succeeded = false) => {
        if (dropped) return;
        dropped = true;
        pool?.send('drop', {}, { run });
        if (pool) this.#leave(succeeded);
      },
    };
  }

  /** Work has ended. */
  #leave(succeeded) {
    this.#active -= 1;
    if (succeeded) this.#deaths = this.#lost = 0;
    clearTimeout(this.#idle);
    if (this.#active === 0 && !this.#disposed) this.#idle = setTimeout(() => this.#rest(), IDLE);
  }

  /** Gives back what the last work has taken. */
  async #rest() {
    const pool = this.#pool;
    const isBusy = () => this.#active > 0 || this.#starting || this.#disposed || pool !== this.#pool;
    try {
      if (!pool || isBusy()) return;
      const parts = await pool.all('rest');
      if (isBusy() || parts.every(({ wasm }) => wasm <= KEPT)) return;
      this.#pool = null;
      pool.kill(new Death('killed', 'it held more memory than it needed'));
      // Nobody waits for it.
      this.#begun = new Pool(this.#wanted, { ...this.#options, onProgress: () => {} });
      await this._pool();
    } catch {
      // Whoever asks next is told.
    }
  }

  /** Bytes that the engine holds, in all workers that sample: `{ wasm }`. */
  async memory() {
    const parts = await (await this._pool()).all('memory');
    const sum = {};
    for (const part of parts) for (const [kind, bytes] of Object.entries(part)) sum[kind] = (sum[kind] ?? 0) + bytes;
    return sum;
  }

  /** Ends the workers and frees what they held. Runs that wait end with an error. */
  dispose() {
    this.#disposed = true;
    clearTimeout(this.#idle);
    const death = new Death('killed', 'the model was disposed');
    for (const workers of [this.#begun, this.#pool]) workers?.kill(death);
    this.#gradients.end(death);
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
    pool.onProgress({ phase: 'ready', device, reason: this.reason });
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

function disposed() {
  return new ScorefieldError('disposed', 'the model was disposed', { remedy: 'load it again' });
}

function worn(death, device) {
  if (death.kind === 'script') {
    return new ScorefieldError('engine', death.message, { remedy: death.remedy, cause: death });
  }
  const code = { lost: 'device-lost', 'gpu-error': 'device', timeout: 'timeout' }[death.kind] ?? 'engine';
  const remedy = device === 'webgpu' ? 'use device cpu, or fewer samples' : 'use fewer samples; reload the page';
  return new ScorefieldError(code, `the engine stopped: ${death.message}`, {
    where: `device ${device ?? 'unknown'}`,
    remedy,
    cause: death,
  });
}
