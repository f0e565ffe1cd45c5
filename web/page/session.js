// What a page is about, without its elements: weights, a model, and one run at a time.
//
// Events: `state` (detail: `loading`, `sampling`, `done`, `cancelled`, `error`; the error with it), `progress` of
// loading, `model` (it is loaded), `device` (it changed), `recover` (another engine goes on), `begin` (a run), `step`.

import { ScorefieldError, load as loadModel } from '../api/scorefield.js';

export class Session extends EventTarget {
  #load;
  #loaded = null;
  /** A load that began before its source was known, so that the engine starts meanwhile. */
  #early = null;
  #current = null;
  /** Addresses of other sites that the visitor has agreed to. */
  #agreed = new Set();

  /** @param {{load?: typeof loadModel}} [options] */
  constructor({ load = loadModel } = {}) {
    super();
    this.#load = load;
  }

  /** The loaded model; null before the first. */
  get model() {
    return this.#loaded?.model ?? null;
  }

  /** The run that is on its way. */
  get run() {
    return this.#current?.run ?? null;
  }

  get busy() {
    return this.#current !== null;
  }

  hasAgreed(source) {
    return this.#agreed.has(source);
  }

  /** From now on an address may be loaded, with all that it leads to. */
  agree(source) {
    this.#agreed.add(source);
  }

  /** Begins to load what a promise will name, of this site. */
  anticipate(promise, device) {
    this.#early = this.#begin(promise, device, false);
  }

  /** Names what `anticipate` was told of. */
  settle(source) {
    if (this.#early) this.#early.source = source;
  }

  /**
   * One run, from the weights to its last step; it ends what was on its way. All that happens is told by events.
   *
   * @param {{source: string | File, device: string, settings: object}} asked
   */
  async generate(asked) {
    this.cancel();
    const controller = new AbortController();
    const current = (this.#current = { controller, run: null });
    const isOver = () => this.#current !== current;
    const tell = (type, detail) => isOver() || this.#tell(type, detail);
    let ended;
    try {
      const model = await this.#ensure(asked, controller.signal, tell);
      // Cancelled as the model arrived, too late for its loading to notice.
      if (controller.signal.aborted) throw new ScorefieldError('aborted', 'cancelled by the reader');
      const run = (current.run = model.sample(asked.settings));
      controller.signal.addEventListener('abort', () => run.cancel(), { once: true });
      tell('begin', { ...asked, model });
      tell('state', { state: 'sampling' });
      for await (const step of run) {
        if (isOver()) return;
        tell('step', step);
        await this.pace?.();
      }
      ended = { state: run.state === 'cancelled' ? 'cancelled' : 'done' };
    } catch (cause) {
      const error = ScorefieldError.from(cause);
      ended = error.code === 'aborted' ? { state: 'cancelled' } : { state: 'error', error };
    }
    // A newer run has the page.
    if (isOver()) return;
    this.#current = null;
    this.#tell('state', ended);
  }

  cancel() {
    this.#current?.controller.abort();
  }

  /** Stops the run between two steps, or lets it go on; whether it is paused. */
  pause() {
    const { run } = this;
    if (!run) return false;
    if (run.state === 'paused') run.resume();
    else run.pause();
    return run.state === 'paused';
  }

  dispose() {
    this.cancel();
    this.#early?.abort();
    this.model?.dispose();
    this.#loaded = null;
  }

  /** The model of a source, loaded once. */
  async #ensure({ source, device }, signal, tell) {
    const loaded = this.#loaded;
    if (loaded && loaded.source === source && loaded.device === device) return loaded.model;
    tell('state', { state: 'loading' });
    loaded?.model.dispose();
    this.#loaded = null;
    const begun = this.#take(source, device) ?? this.#begin(source, device, this.#agreed.has(source));
    signal.addEventListener('abort', begun.abort, { once: true });
    const model = await begun.model;
    this.#loaded = { model, source, device };
    model.addEventListener('recover', ({ detail }) => this.#tell('recover', detail));
    model.addEventListener('device', () => this.#tell('device', model));
    this.#tell('model', model);
    return model;
  }

  /** What was anticipated, if it is this. */
  #take(source, device) {
    const early = this.#early;
    this.#early = null;
    if (early?.source === source && early.device === device) return early;
    early?.abort();
    return null;
  }

  #begin(source, device, allowForeign) {
    const controller = new AbortController();
    const onProgress = (event) => this.#tell('progress', event);
    const model = this.#load(source, { device, allowForeign, signal: controller.signal, onProgress });
    // Whoever awaits it hears of errors; it may be dropped before.
    model.catch(() => {});
    return { source, device, model, abort: () => controller.abort() };
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
