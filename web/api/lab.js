// Training in the page: a worker with the engine that has gradients, and the networks in it.

import { jsonable, known, named, number, rows, signalOf, wrong } from './check.js';
import { ScorefieldError, aborted } from './errors.js';
import { withGradients } from './gradients.js';
import { Death } from './host.js';
import { newRun } from './run.js';

/** Milliseconds for a worker's first word, and for an answer: some steps of a large network. */
const HELLO = 30_000;
const PATIENCE = 60_000;

/**
 * Fetches the engine with gradients into a worker of its own.
 *
 * @param {{signal?: AbortSignal, onProgress?: (event: {phase: string, loaded?: number, total?: number}) => void}} [options]
 * @returns {Promise<Lab>}
 */
export async function openLab(options) {
  const { signal, onProgress = () => {}, ...others } = named('options', options, '{ signal, onProgress }');
  known(others, ['signal', 'onProgress']);
  if (signalOf(signal)?.aborted) throw aborted(signal);
  const opening = withGradients({ hello: HELLO, timeout: PATIENCE, onProgress }).then((host) => new Lab(host));
  let abort;
  const given = new Promise((_, reject) => (abort = () => reject(aborted(signal))));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([opening, given]);
  } catch (error) {
    // One that is still to come is not wanted any more.
    opening.then((lab) => lab.close()).catch(() => {});
    throw error instanceof Death ? stopped(error) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** What the end of the worker means to who uses it. */
function stopped(death) {
  const code = death.kind === 'closed' ? 'disposed' : death.kind === 'timeout' ? 'timeout' : 'engine';
  const remedy = death.remedy || 'open the lab again, and begin with a smaller network';
  return new ScorefieldError(code, death.message, { remedy, cause: death });
}

/** One worker, in which networks are trained. */
class Lab {
  #host;

  constructor(host) {
    this.#host = host;
  }

  /**
   * Begins to train.
   *
   * @param {object | null} config a run's config, as its TOML file has it; null for that of the weights
   * @param {{points?: Float32Array, weights?: Uint8Array}} [options] rows of numbers in place of the config's data, and a
   *   weights file to go on from
   */
  async train(config, options) {
    const { points, weights, ...others } = named('options', options, '{ points, weights }');
    known(others, ['points', 'weights']);
    if (config !== null) jsonable(named('config', config, "{ name: 'mine', data: { name: 'two-moons' } }"));
    if (points !== undefined && !(points instanceof Float32Array)) throw wrong('points', points, 'a Float32Array');
    if (weights !== undefined && !(weights instanceof Uint8Array)) throw wrong('weights', weights, 'a Uint8Array');
    const begun = await this._ask('train', { config, points, weights });
    return new Training(this, begun);
  }

  /** Ends the worker, and all that is in it. */
  close() {
    this.#host.kill(new Death('closed', 'the lab was closed'));
  }

  async _ask(type, payload, options = {}) {
    try {
      return await this.#host.request(type, payload, { timeout: PATIENCE, ...options });
    } catch (error) {
      throw error instanceof Death ? stopped(error) : error;
    }
  }

  _drop(run) {
    if (!this.#host.death) this.#host.send('drop', {}, { run });
  }
}

/** A network in training. */
class Training {
  #lab;
  #number;

  constructor(lab, { training, config, parameters }) {
    this.#lab = lab;
    this.#number = training;
    /** The config, with all that was left out. */
    this.config = config;
    /** Number of parameters. */
    this.parameters = parameters;
  }

  #ask(type, payload) {
    return this.#lab._ask(type, { ...payload, training: this.#number });
  }

  /** `count` optimiser steps: `{ step, losses, seconds }`. A loss that is not finite rejects, and the state stays. */
  step(count = 1) {
    return this.#ask('steps', { count: number('count', count, { least: 1, most: 10_000, whole: true }) });
  }

  /** The first `n` points of the data. */
  data(n) {
    return this.#ask('data', { n: number('n', n, { least: 1, most: 1_000_000, whole: true }) });
  }

  /** The scores at the rows of `x`: `{ learned, truth }`, the second null where the density is not known. */
  async field(x, t) {
    rows({ x }, 1);
    return this.#ask('field', { x, t: number('t', t, { least: 0, most: 1 }) });
  }

  /** log pₜ at the rows of `x` up to a constant: `{ learned, truth }`, null where there is no density. */
  async logDensity(x, t) {
    rows({ x }, 1);
    return this.#ask('logDensity', { x, t: number('t', t, { least: 0, most: 1 }) });
  }

  /**
   * Particles, step by step: `{ index, total, t, sigma, nfe, x }`.
   *
   * @param {object} settings those of `model.sample`
   * @param {{score?: 'learned' | 'truth', from?: Float32Array}} [options]
   */
  async *sample(settings, options) {
    const { score = 'learned', from, ...others } = named('options', options, '{ score }');
    known(others, ['score', 'from']);
    const given = jsonable(named('settings', settings, "{ sampler: 'heun', n: 100 }"));
    if (score !== 'learned' && score !== 'truth') throw wrong('score', score, 'learned or truth');
    if (from !== undefined) rows({ from }, 1);
    const run = newRun();
    const ask = (type, payload) => this.#lab._ask(type, payload, { run });
    try {
      await ask('release', { training: this.#number, settings: given, truth: score === 'truth', from });
      for (;;) {
        const step = await ask('move', {});
        if (step === null) return;
        yield step;
      }
    } finally {
      this.#lab._drop(run);
    }
  }

  /** Begins anew: step 0, and the weights of the start. */
  async reset() {
    await this.#ask('reset', {});
  }

  /** The averaged weights as a file, which the command line loads. */
  export() {
    return this.#ask('export', {});
  }

  async close() {
    await this.#ask('close', {});
  }
}
