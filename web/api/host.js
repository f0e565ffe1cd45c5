// One worker and the messages to and from it. A worker is disposable: when it dies, its host dies with it.
//
// Request:  { id, run, type, … }            run is 0 for what belongs to no run
// Reply:    { id, run, value } or { id, run, error: {code, what, where, remedy, fatal} }
// Event:    { id?, run, event, … }          progress of a request; `alive`: a sign of life in the midst of one;
//                                           `panic`, `lost`, `gpu-error`: the engine's end;
//                                           `unloadable`: the worker's script could not be imported (spawn.js)

import { ScorefieldError } from './errors.js';
import { optional, present } from './optional.js';
import { SAMPLING, diagnose, ways } from './spawn.js';

/** The end of a worker; whoever waits for it may start another one. */
export class Death extends Error {
  /**
   * @param {'panic' | 'lost' | 'gpu-error' | 'timeout' | 'killed' | 'closed' | 'script'} kind `script`: another one would
   *   not start either
   * @param {string} message
   * @param {string} [remedy]
   */
  constructor(kind, message, remedy = '') {
    super(message);
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** Of each script, the way to start a worker that has worked: others would only fail again. */
const proven = new Map();

export class Host {
  #worker = null;
  /** Ways that are left, what the others have said, and what is to be said again to the next worker. */
  #script;
  #ways;
  #failures = [];
  #unheard = [];
  #release = () => {};
  #pending = new Map();
  #next = 1;
  #death = null;
  #lock = new AbortController();
  #onDeath;

  /**
   * @param {{script?: import('./spawn.js').Script, timeout?: number, onDeath?: (death: Death) => void}} [options]
   *   `timeout` in ms for its first sign of life
   */
  constructor({ script = SAMPLING, timeout = 0, onDeath = () => {} } = {}) {
    this.#script = script;
    this.#ways = proven.has(script) ? [proven.get(script)] : ways(script);
    this.#onDeath = onDeath;
    this.#start();
    this.ready = this.request('hello', { lock: this.#watch() }, { timeout });
    this.ready.catch(() => {});
  }

  /** What ended the worker; null while it lives. */
  get death() {
    return this.#death;
  }

  #start() {
    const way = this.#ways.shift();
    let started;
    try {
      started = way();
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { worker, release } = started;
    this.#worker = worker;
    this.#release = release;
    worker.addEventListener('message', ({ data }) => {
      if (this.#worker !== worker) return;
      if (data.event === 'unloadable') {
        this.#fail(data);
        return;
      }
      if (this.#unheard) {
        this.#unheard = null;
        proven.set(this.#script, way);
        release();
      }
      this.#receive(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      // Another one may have been started since.
      if (this.#worker !== worker) return;
      // Before its first word: a script that could not be loaded or run, which says nothing or little of it.
      if (this.#unheard) this.#fail(event);
      else this.kill(new Death('panic', event.message || 'the worker failed'));
    });
    worker.addEventListener('messageerror', () => this.kill(new Death('panic', 'a message could not be read')));
    for (const message of this.#unheard) worker.postMessage(message);
  }

  /** One way has not led to a worker: the next, or the end. */
  #fail(failure) {
    if (this.#death) return;
    this.#failures.push(failure);
    this.#worker?.terminate();
    this.#worker = null;
    this.#release();
    if (this.#ways.length) {
      this.#start();
      return;
    }
    diagnose(this.#script, this.#failures).then(({ what, remedy }) => this.kill(new Death('script', what, remedy)));
  }

  /** The worker holds a lock for as long as it lives; whoever gets it next knows that it has died. */
  #watch() {
    const locks = present(() => navigator.locks);
    if (!locks) return null;
    const name = `scorefield-${Date.now()}-${Math.random()}`;
    const died = () => this.kill(new Death('killed', 'the worker was ended by the browser'));
    this.held = () => optional(() => locks.request(name, { signal: this.#lock.signal }, died));
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
      try {
        this.#post({ ...payload, id, run, type }, transfer);
      } catch (error) {
        // What cannot be sent (a function, say) must not look like a worker that does not answer.
        clearTimeout(entry.timer);
        this.#pending.delete(id);
        reject(ScorefieldError.from(error));
      }
    });
  }

  /** Sends a message that has no reply. */
  send(type, payload = {}, { run = 0 } = {}) {
    if (!this.#death) this.#post({ ...payload, id: 0, run, type });
  }

  #post(message, transfer) {
    this.#worker?.postMessage(message, transfer);
    this.#unheard?.push(message);
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
    this.#worker?.terminate();
    this.#release();
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
