// One worker and the messages to and from it. A worker is disposable: when it dies, its host dies with it.
//
// Request:  { id, run, type, … }            run is 0 for what belongs to no run
// Reply:    { id, run, value } or { id, run, error: {code, what, where, remedy, fatal} }
// Event:    { id?, run, event, … }          progress of a request; `alive`: a sign of life in the midst of one;
//                                           `panic`, `lost`, `gpu-error`: the engine's end

import { ScorefieldError } from './errors.js';

/** A worker's script, and what it imports: fetched in one go rather than one after another. */
const SCRIPTS = [
  new URL('../worker/worker.js', import.meta.url).href,
  new URL('./errors.js', import.meta.url).href,
  new URL('../engine.js', import.meta.url).href,
];

/** The end of a worker; whoever waits for it may start another one. */
export class Death extends Error {
  /** @param {'panic' | 'lost' | 'gpu-error' | 'timeout' | 'killed' | 'script'} kind */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

export class Host {
  #worker;
  #pending = new Map();
  #next = 1;
  #death = null;
  #lock = new AbortController();
  #onDeath;

  /**
   * @param {{timeout?: number, onDeath?: (death: Death) => void}} [options] `timeout` in ms for its first sign of life
   */
  constructor({ timeout = 0, onDeath = () => {} } = {}) {
    this.#onDeath = onDeath;
    // A worker's script must have the page's origin; a Blob has, and may import from any that allows it (CORS).
    const source = SCRIPTS.map((url) => `import ${JSON.stringify(url)};`).join('');
    const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    this.#worker = new Worker(blob, { type: 'module', name: 'scorefield' });
    this.#worker.addEventListener('message', ({ data }) => this.#receive(data));
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      // An error without a message is a script that could not be loaded.
      if (event.message) this.kill(new Death('panic', event.message));
      else this.kill(new Death('script', `the worker’s script ${SCRIPTS[0]} or what it imports could not be loaded`));
    });
    this.#worker.addEventListener('messageerror', () => this.kill(new Death('panic', 'a message could not be read')));
    this.ready = this.request('hello', { lock: this.#watch() }, { timeout }).finally(() => URL.revokeObjectURL(blob));
    this.ready.catch(() => {});
  }

  /** What ended the worker; null while it lives. */
  get death() {
    return this.#death;
  }

  /** The worker holds a lock for as long as it lives; whoever gets it next knows that it has died. */
  #watch() {
    if (!globalThis.navigator?.locks) return null;
    const name = `scorefield-${crypto.randomUUID()}`;
    this.held = () => {
      navigator.locks
        .request(name, { signal: this.#lock.signal }, () => this.kill(new Death('killed', 'the worker was ended by the browser')))
        .catch(() => {});
    };
    return name;
  }

  /**
   * Sends a request and waits for its reply.
   *
   * @param {string} type
   * @param {object} [payload]
   * @param {{run?: number, transfer?: Transferable[], timeout?: number, onEvent?: Function}} [options]
   *   `timeout` in ms without a sign of life, 0 for none
   */
  request(type, payload = {}, { run = 0, transfer = [], timeout = 0, onEvent } = {}) {
    if (this.#death) return Promise.reject(this.#death);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const entry = { resolve, reject, onEvent, timer: null };
      entry.touch = () => {
        clearTimeout(entry.timer);
        if (timeout) {
          const text = `no answer to "${type}" in ${Math.round(timeout / 1000)} s`;
          entry.timer = setTimeout(() => this.kill(new Death('timeout', text)), timeout);
        }
      };
      entry.touch();
      this.#pending.set(id, entry);
      this.#worker.postMessage({ ...payload, id, run, type }, transfer);
    });
  }

  /** Sends a message that has no reply. */
  send(type, payload = {}, { run = 0 } = {}) {
    if (!this.#death) this.#worker.postMessage({ ...payload, id: 0, run, type });
  }

  #receive(data) {
    if (this.#death) return;
    if (data.event === 'panic' || data.event === 'lost' || data.event === 'gpu-error') {
      this.kill(new Death(data.event, data.message));
      return;
    }
    if (data.event === 'alive') {
      for (const entry of this.#pending.values()) entry.touch();
      return;
    }
    if (data.event === 'held') {
      this.held?.();
      return;
    }
    const entry = this.#pending.get(data.id);
    if (!entry) return;
    if (data.event) {
      entry.touch();
      entry.onEvent?.(data);
      return;
    }
    clearTimeout(entry.timer);
    this.#pending.delete(data.id);
    if (data.error?.fatal) {
      entry.reject(this.kill(new Death('panic', data.error.what)));
    } else if (data.error) {
      entry.reject(ScorefieldError.from(data.error));
    } else {
      entry.resolve(data.value);
    }
  }

  /** Ends the worker; every request that waits is rejected with the cause. */
  kill(death) {
    if (this.#death) return this.#death;
    this.#death = death;
    this.#worker.terminate();
    this.#lock.abort();
    for (const entry of this.#pending.values()) {
      clearTimeout(entry.timer);
      entry.reject(death);
    }
    this.#pending.clear();
    this.#onDeath(death);
    return death;
  }
}
