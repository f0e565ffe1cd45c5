// Particles that samplers move: in one field or in two at once, step by step on one clock. Their places are kept, for
// trails and for a slider.
//
// Events: `frame` (there is another one), `state` (detail: `moving`, `paused`, `done` or `none`, with an error).

import { ScorefieldError } from '../api/errors.js';
import { History } from './history.js';
import { pathLength } from './measure.js';

/** Milliseconds that a run takes at most and at least, where it is looked at. */
const [LONGEST, SHORTEST] = [5000, 900];
const REDUCED = '(prefers-reduced-motion: reduce)';

export class Particles extends EventTarget {
  #turn = 0;
  #gate = null;
  state = 'none';
  /** By name of the field: a history of `{index, t, sigma, nfe, x}`. */
  paths = {};

  /**
   * Releases particles in fields.
   *
   * @param {Record<string, {training: object, settings: object, score: 'learned' | 'truth', from?: Float32Array}>} asked
   */
  async release(asked) {
    const turn = ++this.#turn;
    this.resume();
    this.paths = Object.fromEntries(Object.keys(asked).map((name) => [name, new History(400)]));
    const runs = Object.entries(asked).map(([name, { training, settings, score, from }]) => {
      if (from) this.paths[name].push({ index: 0, total: null, t: 1, sigma: NaN, nfe: 0, x: from });
      return { name, steps: training.sample(settings, { score, from })[Symbol.asyncIterator](), done: false };
    });
    this.#set('moving');
    try {
      while (runs.some(({ done }) => !done)) {
        const begun = performance.now();
        const steps = await Promise.all(runs.map((run) => this.#advance(run, turn)));
        if (turn !== this.#turn) return;
        this.#tell('frame', null);
        await this.#pace(begun, Math.max(...steps.map((step) => step?.total ?? 100)));
        while (this.#gate) await this.#gate.opened;
        if (turn !== this.#turn) return;
      }
      this.#set('done');
    } catch (error) {
      if (turn === this.#turn) this.#set('none', ScorefieldError.from(error));
    } finally {
      for (const { steps, done } of runs) if (!done) steps.return?.();
    }
  }

  async #advance(run, turn) {
    if (run.done) return null;
    const { value, done } = await run.steps.next();
    run.done = Boolean(done);
    if (done || turn !== this.#turn) return null;
    const { index, total, t, sigma, nfe, x } = value;
    if (!x.every(Number.isFinite)) {
      const remedy = 'use a smaller step size, more steps, or train for longer';
      throw new ScorefieldError('not-finite', 'particles went to infinity', { where: `step ${index}`, remedy });
    }
    this.paths[run.name].push({ index, total, t, sigma, nfe, x });
    return value;
  }

  /** A run is slow enough to be followed and quick enough not to bore; unseen or without motion it does not wait. */
  async #pace(begun, total) {
    if (document.hidden || matchMedia(REDUCED).matches) return;
    const each = Math.min(Math.max(SHORTEST / total, 16), LONGEST / total);
    this.owed = (this.owed ?? 0) + each - (performance.now() - begun);
    if (this.owed < 12) return;
    const wait = this.owed;
    this.owed = 0;
    await new Promise((then) => setTimeout(then, wait));
  }

  get length() {
    return Math.max(0, ...Object.values(this.paths).map(({ length }) => length));
  }

  /** The frame of a field that is shown at a place of the slider; a shorter run stays at its end. */
  at(name, index) {
    const path = this.paths[name];
    return path?.length ? path.at(Math.min(index, path.length - 1)) : null;
  }

  last(name) {
    return this.at(name, Infinity);
  }

  /** The mean length of a field's paths. */
  lengthOf(name) {
    return pathLength(this.paths[name].values.map(({ x }) => x));
  }

  pause() {
    if (this.state !== 'moving' || this.#gate) return;
    let open;
    const opened = new Promise((resolve) => (open = resolve));
    this.#gate = { opened, open };
    this.#set('paused');
  }

  resume() {
    const gate = this.#gate;
    if (!gate) return;
    this.#gate = null;
    gate.open();
    this.#set('moving');
  }

  clear() {
    this.#turn += 1;
    this.resume();
    this.paths = {};
    this.#set('none');
  }

  #set(state, error = null) {
    this.state = state;
    this.#tell('state', { state, error });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
