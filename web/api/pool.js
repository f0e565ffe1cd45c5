// The workers of a model: one on WebGPU; on the CPU several, which share a run's samples among them.
//
// A pool is as disposable as a worker: when one of its workers dies, all are ended, and whoever waits for one of them
// is told the cause.

import { choose } from './device.js';
import { forgetGpu } from './draw.js';
import { ScorefieldError } from './errors.js';
import { Death, Host } from './host.js';
import { compiled } from './modules.js';
import { present } from './optional.js';

/**
 * Workers that a pool has where nobody says, at most: each takes some 10 MB before its first sample, and a run has 16
 * samples unless told otherwise. A share of one sample is worth a worker: an evaluation takes milliseconds, its
 * messages tenths of one.
 */
const MOST = 8;
/** Deaths with which a GPU's frames may have gone; a lost device can look like any of them. */
const LOSSES = ['lost', 'gpu-error', 'panic'];
/** Workers at all. */
const LIMIT = 64;

/** Why frames cannot be drawn on a WebGPU canvas here; trying it again could cost other workers their device. */
let unusable = '';

/** How many workers `auto` or a number is. */
function count(workers) {
  if (workers === 'auto') return Math.max(1, Math.min(MOST, present(() => navigator.hardwareConcurrency) ?? 1));
  if (Number.isInteger(workers) && workers >= 1 && workers <= LIMIT) return workers;
  throw new ScorefieldError('setting', `workers = ${workers}`, {
    remedy: `use auto, or a whole number from 1 to ${LIMIT}`,
  });
}

export class Pool {
  #hosts = [];
  #death = null;
  #options;
  #onGpu = false;

  /**
   * @param {'auto' | 'webgpu' | 'cpu'} device
   * @param {{workers: 'auto' | number, timeout: number, hello: number, onProgress: Function}} options `timeout` in ms
   *   without a sign of life, `hello` for a worker's first
   */
  constructor(device, { workers, ...options }) {
    this.#options = { ...options, workers: count(workers) };
    /** Told how far its start has come. */
    this.onProgress = options.onProgress;
    // Wherever the model will be computed, there is one worker at least: it starts while the device is looked for.
    this.#spawn();
    /** What was opened: `{ device, reason, adapter, frames }`. */
    this.ready = this.#open(device);
    this.ready.catch(() => {});
  }

  /** What ended the pool; null while it lives. */
  get death() {
    return this.#death;
  }

  get size() {
    return this.#hosts.length;
  }

  #spawn() {
    const host = new Host({ timeout: this.#options.hello, onDeath: (death) => this.kill(death) });
    this.#hosts.push(host);
  }

  async #open(wanted) {
    const chosen = await choose(wanted);
    try {
      return await this.#create(chosen);
    } catch (error) {
      if (error instanceof Death || wanted !== 'auto' || chosen.device === 'cpu') throw error;
      const reason = `WebGPU could not be started (${ScorefieldError.from(error).what})`;
      return this.#create({ ...chosen, device: 'cpu', reason });
    }
  }

  async #create({ device, reason, adapter }) {
    if (device === 'cpu' && !this.#death) while (this.size < this.#options.workers) this.#spawn();
    const [module, problem] = await Promise.all([
      compiled(device, this.#options.onProgress),
      device === 'cpu' ? 'the CPU has its frames in memory' : unusable || this.request('canvas', {}, this.#waiting()),
    ]);
    const [opened] = await this.all('create', { device, module, problem }, this.#waiting());
    this.#onGpu = device === 'webgpu';
    const { frames } = opened;
    if (device === 'webgpu' && !frames.drawn) unusable = frames.reason;
    // The browser tells JavaScript more of an adapter than wgpu passes on; what computes is the engine's to say.
    return {
      device,
      reason,
      frames,
      adapter: opened.adapter ? { ...adapter, software: opened.adapter.software } : adapter,
    };
  }

  /** Gives every worker the weights, and returns what they say of themselves. */
  async load(bytes, name) {
    const [manifest] = await this.all('load', { bytes, name }, this.#waiting());
    return manifest;
  }

  #waiting() {
    const { timeout, onProgress } = this.#options;
    return { timeout, onEvent: ({ phase, loaded, total }) => onProgress({ phase, loaded, total }) };
  }

  /** A request to one worker: the first, unless another is meant. */
  request(type, payload, options, at = 0) {
    return this.#hosts[at].request(type, payload, options);
  }

  /** The same request to all workers, or to those at the places `among`; each is told which part of how many is its. */
  all(type, payload, options, among = this.#hosts.keys()) {
    const parts = this.size;
    return Promise.all(Array.from(among, (part) => this.request(type, { ...payload, part, parts }, options, part)));
  }

  /** A message to all workers that has no reply. */
  send(type, payload, options) {
    for (const host of this.#hosts) host.send(type, payload, options);
  }

  /** Ends all workers; every request that waits is rejected with the cause. */
  kill(death) {
    if (this.#death) return;
    this.#death = death;
    if (this.#onGpu && LOSSES.includes(death.kind)) forgetGpu();
    for (const host of this.#hosts) host.kill(death);
  }
}
