// A run: one sampler, one seed, pulled step by step. Pausing is not pulling; cancelling is dropping.

import { guideOf, jsonable, named, number, signalOf, wrong } from './check.js';
import { Sheet, draw } from './draw.js';
import { ScorefieldError, aborted } from './errors.js';
import { Death } from './host.js';

/** Steps that are replayed by one message: few enough to be dropped soon. */
const REPLAYED = 16;

let nextRun = 1;

/** A number for a run, or for other work that can be dropped. */
export const newRun = () => nextRun++;

/** Runs that nobody has any more: their workers need not keep them. */
const forgotten = new FinalizationRegistry((held) => held.drop());

/**
 * What a signal calls: it may live longer than a run, and must not keep it, as a function of the run's own scope would.
 */
const aborter = (run) => () => run.deref()?._abort();

/**
 * One step's parts, of one worker each, as one step; null when they were dropped.
 *
 * @param {(object | null)[]} parts
 * @param {number[]} counts the samples of each
 */
export function join(parts, counts) {
  if (parts.includes(null)) return null;
  if (parts.length === 1) return parts[0];
  const whole = { ...parts[0], ms: Math.max(...parts.map(({ ms }) => ms)) };
  const rows = (pick) => {
    const arrays = parts.map(pick);
    const all = new arrays[0].constructor(arrays.reduce((sum, { length }) => sum + length, 0));
    arrays.reduce((at, array) => (all.set(array, at), at + array.length), 0);
    return all;
  };
  for (const kind of ['x', 'denoised']) {
    whole[kind] = rows((part) => part[kind]);
    if (whole.values) whole.values = { ...whole.values, [kind]: rows((part) => part.values[kind]) };
  }
  if (whole.acceptance !== undefined) {
    const mean = (sum, part, i) => sum + part.acceptance * counts[i];
    whole.acceptance = parts.reduce(mean, 0) / counts.reduce((sum, count) => sum + count, 0);
  }
  return whole;
}

/** One step of a run. */
export class Step {
  #pixels;
  #sheet;
  #values;

  constructor(value, shape, n) {
    const [channels, height, width] = shape;
    this.index = value.index;
    this.total = value.total ?? null;
    this.progress = value.progress;
    this.t = value.t;
    this.sigma = value.sigma;
    this.nfe = value.nfe;
    this.ms = value.ms;
    this.done = value.done;
    this.acceptance = value.acceptance ?? null;
    this.n = n;
    this.channels = channels;
    this.width = width;
    this.height = height;
    this.#pixels = { x: value.x, denoised: value.denoised };
    // A GPU's frame stays a bitmap until somebody wants its bytes.
    this.#sheet = value.bitmap ? new Sheet(value, { n, width, height }) : null;
    this.#values = value.values ?? null;
    Object.freeze(this);
  }

  /**
   * The frame as RGBA bytes, samples first: n·height·width·4. The array belongs to the step: do not change it. On
   * WebGPU this may read the frame back; drawing does not.
   *
   * @param {'x' | 'denoised'} [kind]
   */
  pixels(kind = 'x') {
    this.#check(kind);
    if (this.lost) {
      const remedy = 'run it again; keep() keeps a step’s frame';
      throw new ScorefieldError('device-lost', 'the frame was lost with the GPU’s device', {
        where: `step ${this.index}`,
        remedy,
      });
    }
    return this.#sheet ? this.#sheet.pixels(kind) : this.#pixels[kind];
  }

  #check(kind) {
    if (!Object.hasOwn(this.#pixels, kind)) throw wrong('kind', kind, 'x or denoised');
    if (this.#sheet?.closed)
      throw new ScorefieldError('disposed', 'the step was closed', { remedy: 'draw it before that' });
  }

  /**
   * Keeps a GPU's frame in memory of its own, so that it outlives the GPU's device: for steps that are shown again
   * later. It waits for a readback, about a millisecond; elsewhere, and the second time, nothing happens.
   */
  keep() {
    if (!this.#sheet?.closed) this.#sheet?.keep();
  }

  /** Whether the frame went with the GPU that has drawn it: drawing it changes nothing. */
  get lost() {
    return this.#sheet?.lost ?? false;
  }

  /**
   * Gives the frame's memory back at once, where it is the GPU's; else nothing happens. Without this it goes when the
   * step does.
   */
  close() {
    this.#sheet?.close();
  }

  /**
   * The numbers themselves, samples first; only of a run that was started with `values: true`.
   *
   * @param {'x' | 'denoised'} [kind]
   */
  values(kind = 'x') {
    const values = this.#values?.[kind];
    if (!values)
      throw new ScorefieldError('setting', `values(${kind})`, {
        remedy: 'start the run with values: true, and use x or denoised',
      });
    return values;
  }

  /**
   * Draws the samples as a grid.
   *
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {{kind?: 'x' | 'denoised', columns?: number, gap?: number, scale?: number}} [options]
   */
  draw(canvas, options) {
    const { kind = 'x', ...layout } = named('options', options, '{ scale: 4 }');
    this.#check(kind);
    if (this.#sheet) this.#sheet.draw(canvas, kind, layout);
    else draw(canvas, { pixels: this.#pixels[kind], n: this.n, width: this.width, height: this.height }, layout);
  }
}

/** An asynchronous iterable of {@link Step}s. */
export class Run {
  #id = newRun();
  #model;
  #settings;
  #guide;
  #every;
  #values;
  #signal;
  /** What the model knows of it: `begin` names the workers that it is in, `drop` takes it out of them. */
  #held;
  /** The workers, the places among them of those that have a part of the samples, and how many each has. */
  #pool = null;
  #parts = [];
  #counts = [];
  /** Updates that the workers' samplers have made, and those that the caller has seen. */
  #made = 0;
  #seen = 0;
  #info = null;
  #state = 'ready';
  #gate = null;
  #stop;
  #stopped;
  /** The last step that was asked for: each waits for the one before. */
  #last = Promise.resolve();
  #onAbort;

  /** Made by `model.sample`. */
  constructor(model, { signal, every = 1, values = false, inpaint, ...settings }) {
    this.#every = number('every', every, { least: 1, whole: true });
    this.#signal = signalOf(signal);
    this.#model = model;
    this.#settings = jsonable(settings);
    this.#guide = guideOf(inpaint);
    this.#values = Boolean(values);
    this.#stopped = new Promise((resolve) => (this.#stop = resolve));
    this.#held = model._hold(this.#id);
    forgotten.register(this, this.#held, this.#held);
    this.#onAbort = aborter(new WeakRef(this));
    if (signal?.aborted) this._abort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  _abort() {
    this.#end('cancelled', aborted(this.#signal));
  }

  /** `ready`, `running`, `paused`, `done`, `cancelled` or `error`. */
  get state() {
    return this.#gate && this.#state === 'running' ? 'paused' : this.#state;
  }

  /** Stops pulling after the current step. */
  pause() {
    if (this.#gate || this.#isOver()) return;
    let open;
    this.#gate = new Promise((resolve) => (open = resolve));
    this.#gate.open = open;
  }

  resume() {
    this.#gate?.open();
    this.#gate = null;
  }

  /** Ends the run at once; the loop over it ends too. The worker drops the sampler before its next step. */
  cancel() {
    this.#end('cancelled', null);
  }

  #isOver() {
    return this.#state === 'done' || this.#state === 'cancelled' || this.#state === 'error';
  }

  #end(state, error) {
    if (this.#isOver()) return;
    this.#state = state;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    forgotten.unregister(this.#held);
    this.#held.drop(state === 'done');
    this.#pool = null;
    this.#stop(error);
    this.resume();
  }

  [Symbol.asyncIterator]() {
    return {
      next: () => this.#next(),
      return: async () => {
        this.cancel();
        return { done: true, value: undefined };
      },
    };
  }

  /** The next step, after those that were asked for before. */
  #next() {
    const next = this.#last.then(() => this.#advance());
    this.#last = next.catch(() => {});
    return next;
  }

  async #advance() {
    const over = this.#stopped.then((error) => {
      if (error) throw error;
      return { done: true, value: undefined };
    });
    // A cancelled run ends now; the step that the worker is in ends by itself.
    over.catch(() => {});
    if (this.#isOver()) return over;
    this.#state = 'running';
    const pulled = (async () => {
      while (this.#gate) await this.#gate;
      const value = await this.#pull();
      if (value === null || this.#isOver()) {
        // Nobody is told of it any more.
        value?.bitmap?.close();
        this.#end('done', null);
        return { done: true, value: undefined };
      }
      const step = new Step(value, this.#info.shape, this.#info.n);
      if (step.done) this.#end('done', null);
      return { done: false, value: step };
    })();
    pulled.catch((error) => this.#end('error', error));
    return Promise.race([pulled, over]);
  }

  /** The next step that the caller sees. If a worker dies, others replay the run up to here and go on. */
  async #pull() {
    for (;;) {
      const pool = await this.#model._pool();
      if (this.#isOver()) return null;
      try {
        if (this.#pool !== pool) await this.#begin(pool);
        while (this.#made < this.#seen) {
          if (this.#isOver()) return null;
          const count = Math.min(this.#seen - this.#made, REPLAYED);
          await pool.all('step', { count, frame: false }, this.#options(count), this.#parts);
          this.#made += count;
        }
        if (this.#isOver()) return null;
        const values = await pool.all(
          'step',
          { count: this.#every, values: this.#values },
          this.#options(this.#every),
          this.#parts,
        );
        this.#made += this.#every;
        this.#seen = this.#made;
        return join(values, this.#counts);
      } catch (error) {
        if (!(error instanceof Death) || this.#isOver()) throw error;
        this.#pool = null;
        this.#model._recover(pool, error);
      }
    }
  }

  /** Starts the run's parts; there may be fewer of them than workers. */
  async #begin(pool) {
    this.#pool = pool;
    this.#held.begin(pool);
    this.#made = 0;
    const onEvent = ({ phase, loaded, total }) => this.#model._progress({ phase, loaded, total });
    const infos = await pool.all('start', { settings: this.#settings, guide: this.#guide }, { ...this.#options(0), onEvent });
    this.#parts = [...infos.keys()].filter((part) => infos[part] !== null);
    this.#counts = this.#parts.map((part) => infos[part].n);
    this.#info = { ...infos[0], n: this.#counts.reduce((sum, n) => sum + n, 0) };
  }

  #options(count) {
    // The CPU gives a sign of life after each evaluation; a GPU has taken a step's evaluations before it has done them.
    const evaluations = this.#info?.evaluations ?? 2;
    const queued = this.#model.device === 'webgpu' ? Math.max(1, count) * Math.ceil(evaluations / 2) : 1;
    return { run: this.#id, timeout: this.#model._timeout * queued };
  }
}
