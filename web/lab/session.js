// What a lab page is about, without its elements: one or two networks that learn beside each other, on one seed and one
// clock. Each has an engine of its own; they take the same steps, and wait for each other.
//
// Events: `state` (detail: `idle`, `loading`, `training`, `paused`, `done` or `error`, with the error), `progress` of
// loading, `steps` (some were taken).

import { ScorefieldError } from '../api/errors.js';
import { openLab } from '../api/lab.js';

/** Milliseconds between two looks at the fields while training goes as fast as it can. */
const TURN = 30;
/** Milliseconds of a frame where the speed is given in steps a frame. */
const FRAME = 33;

export class Session extends EventTarget {
  #open;
  #labs = {};
  /** Which beginning the present one is: what an earlier one still does is of no account. */
  #turn = 0;
  #running = false;
  #loop = null;
  state = 'idle';
  /** By name, `a` and perhaps `b`: `{training, config, losses: {step, loss}[], step, seconds}`. */
  sides = {};

  /** @param {{open?: typeof openLab}} [options] */
  constructor({ open = openLab } = {}) {
    super();
    this.#open = open;
  }

  /** The run config in a file of weights. */
  async read(weights) {
    const lab = await this.#lab('a');
    // Points in place of the data, which are not looked at.
    const training = await lab.train(null, { weights, points: Float32Array.from({ length: 16 }, (_, i) => i) });
    await training.close();
    return training.config;
  }

  /** The engine of a field; another one where it could not be loaded. */
  async #lab(name) {
    this.#labs[name] ??= this.#open({ onProgress: (event) => this.#tell('progress', event) });
    try {
      return await this.#labs[name];
    } catch (error) {
      this.#labs[name] = undefined;
      throw error;
    }
  }

  /** Steps that all have taken. */
  get step() {
    return this.sides.a?.step ?? 0;
  }

  get running() {
    return this.#running;
  }

  /**
   * Networks with fresh weights, or with those of a file.
   *
   * @param {Record<string, {config: object, points?: Float32Array, weights?: Uint8Array}>} asked by name
   * @returns {Promise<boolean>} whether they are there; what failed is told by the event
   */
  async begin(asked) {
    const turn = ++this.#turn;
    this.#running = false;
    this.#set('loading');
    try {
      const names = Object.keys(asked);
      const begun = await Promise.all(names.map((name) => this.#start(name, asked[name])));
      // What a newer beginning has overtaken, and what this one has no place for, takes no memory.
      if (turn !== this.#turn) {
        for (const { training } of begun) training.close().catch(() => {});
        return false;
      }
      for (const name of Object.keys(this.sides))
        if (!names.includes(name)) this.sides[name].training.close().catch(() => {});
      this.sides = Object.fromEntries(names.map((name, i) => [name, begun[i]]));
      this.#set('idle');
      return true;
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
      return false;
    }
  }

  async #start(name, { config, points, weights }) {
    const lab = await this.#lab(name);
    await this.sides[name]?.training.close();
    const training = await lab.train(config, { points, weights });
    return { training, config: training.config ?? config, losses: [], step: 0, seconds: 0 };
  }

  /**
   * Trains until `last` steps have been taken, or until a pause.
   *
   * @param {number} last
   * @param {{speed: () => number | null, look: () => Promise<void>}} options `speed`: steps between two looks at the
   *   fields, null for as many as fit; `look` is waited for
   */
  train(last, { speed, look }) {
    if (this.#running) return this.#loop;
    this.#running = true;
    this.#set('training');
    this.#loop = this.#run(this.#turn, last, speed, look);
    return this.#loop;
  }

  async #run(turn, last, speed, look) {
    let count = 1;
    try {
      while (this.#running && turn === this.#turn && this.step < last) {
        const fixed = speed();
        const begun = performance.now();
        await this.#take(Math.min(fixed ?? count, last - this.step));
        if (turn !== this.#turn) return;
        const spent = performance.now() - begun;
        count = Math.max(1, Math.min(200, Math.round(count * Math.min(4, TURN / spent))));
        await look();
        const rest = begun + FRAME - performance.now();
        if (fixed && rest > 0) await new Promise((then) => setTimeout(then, rest));
      }
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
      return;
    }
    if (turn !== this.#turn) return;
    this.#running = false;
    this.#set(this.step >= last ? 'done' : 'paused');
  }

  /** Stops between two steps. */
  async pause() {
    this.#running = false;
    await this.#loop;
  }

  /** One step of each. */
  async single(last) {
    await this.pause();
    try {
      await this.#take(1);
      this.#set(this.step >= last ? 'done' : 'paused');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Fresh weights of the same seed. */
  async reset() {
    await this.pause();
    try {
      for (const side of Object.values(this.sides)) {
        await side.training.reset();
        Object.assign(side, { losses: [], step: 0, seconds: 0 });
      }
      this.#set('idle');
    } catch (error) {
      this.#fail(error);
    }
  }

  async #take(count) {
    const sides = Object.values(this.sides);
    await Promise.all(
      sides.map(async (side) => {
        const { step, losses, seconds } = await side.training.step(count);
        losses.forEach((loss, i) => side.losses.push({ step: step - losses.length + i + 1, loss }));
        Object.assign(side, { step, seconds: side.seconds + seconds });
      }),
    );
    this.#tell('steps', { step: this.step });
  }

  #fail(cause) {
    this.#running = false;
    this.#set('error', ScorefieldError.from(cause));
  }

  #set(state, error = null) {
    this.state = state;
    this.#tell('state', { state, error });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  close() {
    this.#turn += 1;
    this.#running = false;
    for (const lab of Object.values(this.#labs))
      lab?.then(
        (lab) => lab.close(),
        () => {},
      );
  }
}
