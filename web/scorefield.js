// Scorefield in a page: load a score network, sample from it, draw every step.
//
//   import { load } from './scorefield.js'
//   const model = await load('models/fashion.safetensors', { device: 'auto' })
//   for await (const step of model.sample({ sampler: 'heun', steps: 18, n: 16, seed: 1 })) step.draw(canvas)
//
// The engine runs in a worker and can be replaced at any time: the model keeps its bytes, a run keeps its
// settings and its seed, and noise is counted, so that a new worker gets to the same place by the same way.

import { devices } from './device.js';
import { draw, toPng } from './draw.js';
import { ScorefieldError, aborted } from './errors.js';
import { Death, Host } from './host.js';
import { Run, Step, checkNumbers, newRun } from './run.js';
import { models, readWeights } from './weights.js';

export { Run, ScorefieldError, Step, devices, draw, models, toPng };

/** Workers that one model may wear out before it gives up; a step that succeeds does not refill it. */
const MAX_DEATHS = 4;
/** Milliseconds without an answer after which a worker counts as hung: compiling shaders takes long. */
const TIMEOUT = 120_000;
/** The same for a worker's first sign of life, when it has nothing to do yet. */
const HELLO = 30_000;
/** About half of what an adaptive solver evaluates before it reads anything back. */
const SOLVER = 4;

/** Why frames cannot be drawn on a WebGPU canvas here; trying it again could cost other workers their device. */
let unusableCanvas = '';

/**
 * Loads a model: its weights, the engine, and a device.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView} source a shipped model's name, an address, or the data
 * @param {{device?: 'auto' | 'webgpu' | 'cpu', signal?: AbortSignal, onProgress?: (event: object) => void,
 *          maxBytes?: number, sha256?: string, timeout?: number}} [options]
 * @returns {Promise<Model>}
 */
export async function load(source, { device = 'auto', signal, onProgress = () => {}, maxBytes, sha256, timeout = TIMEOUT } = {}) {
  const weights = await readWeights(source, { signal, onProgress, maxBytes, sha256 });
  const model = new Model(weights, { device, onProgress, timeout });
  const stop = () => model.dispose();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await model._host();
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
  #weights;
  #wanted;
  #onProgress;
  #host = null;
  #starting = null;
  #deaths = 0;
  #lost = 0;
  #givenUp = null;
  #disposed = false;

  constructor(weights, { device, onProgress, timeout }) {
    super();
    this.#weights = weights;
    this.#wanted = device;
    this.#onProgress = onProgress;
    this._timeout = timeout;
    this.name = weights.name;
    this.title = weights.title ?? weights.name;
    this.sha256 = weights.sha256;
    this.manifest = null;
    this.device = null;
    this.reason = '';
    this.adapter = null;
    this.frames = null;
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
    let host = null;
    let stop;
    const stopped = new Promise((_, reject) => {
      stop = () => {
        host?.send('drop', {}, { run });
        reject(aborted(signal));
      };
    });
    const answered = async () => {
      for (;;) {
        host = await this._host();
        if (signal?.aborted) return null;
        // The CPU gives a sign of life after each evaluation; a GPU has taken several before it has done them.
        const queued = this.device === 'webgpu' ? evaluations : 1;
        try {
          return await host.request(type, payload, { run, timeout: this._timeout * queued });
        } catch (error) {
          if (!(error instanceof Death)) throw error;
          if (signal?.aborted) return null;
          this._recover(host, error);
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

  /** Bytes that the engine holds: `{ wasm, gpu? }`. */
  async memory() {
    return (await this._host()).request('memory');
  }

  /** Ends the worker and frees what it held. Runs that wait end with an error. */
  dispose() {
    this.#disposed = true;
    this.#host?.kill(new Death('killed', 'the model was disposed'));
    this.#host = null;
  }

  /** The worker with this model in it, started if need be. */
  async _host() {
    for (;;) {
      if (this.#disposed) throw disposed();
      if (!this.#starting && this.#host?.death) this._recover(this.#host, this.#host.death);
      else if (!this.#starting && this.#host) return this.#host;
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
    this.#onProgress(event);
  }

  async #start() {
    const host = new Host({ timeout: Math.min(this._timeout, HELLO) });
    this.#host = host;
    const options = { timeout: this._timeout, onEvent: ({ phase, loaded, total }) => this._progress({ phase, loaded, total }) };
    await host.ready;
    const opened = await host.request('create', { device: this.#wanted, unusable: unusableCanvas }, options);
    if (opened.device === 'webgpu' && !opened.frames.drawn) unusableCanvas = opened.frames.reason;
    try {
      this.manifest = await host.request('load', { bytes: this.#weights.bytes, name: this.#weights.name }, options);
    } catch (error) {
      if (error.code !== 'device' || opened.device !== 'webgpu' || this.#wanted !== 'auto') throw error;
      // A GPU that computes nonsense: the CPU instead.
      host.kill(new Death('killed', error.what));
      this.#useCpu(`on WebGPU ${error.what}`);
      return this.#start();
    }
    const changed = this.device !== null && this.device !== opened.device;
    this.device = opened.device;
    this.adapter = opened.adapter;
    this.frames = opened.frames;
    // Once WebGPU was given up, that is the reason for the CPU.
    this.reason = this.#givenUp ?? opened.reason;
    if (changed) this.dispatchEvent(new CustomEvent('device', { detail: { device: this.device, reason: this.reason } }));
    this.#onProgress({ phase: 'ready', device: this.device, reason: this.reason });
    return host;
  }

  #useCpu(reason) {
    this.#wanted = 'cpu';
    this.#givenUp = reason;
  }

  /** After a worker's death: a new one, a bounded number of times; from WebGPU to the CPU the second time. */
  _recover(host, death) {
    if (this.#disposed) throw disposed();
    // Several runs see one death; only the first counts.
    if (host !== null && host !== this.#host) return;
    if (this.#starting) return;
    this.#host = null;
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
    const remedy = 'serve worker.js and engine.js beside scorefield.js; from another origin the server must allow it (CORS)';
    return new ScorefieldError('engine', death.message, { remedy, cause: death });
  }
  const code = { lost: 'device-lost', 'gpu-error': 'device', timeout: 'timeout' }[death.kind] ?? 'engine';
  const remedy = device === 'webgpu' ? 'use device cpu, or fewer samples' : 'use fewer samples; reload the page';
  return new ScorefieldError(code, `the engine stopped: ${death.message}`, { where: `device ${device ?? 'unknown'}`, remedy, cause: death });
}
