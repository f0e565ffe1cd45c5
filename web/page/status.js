// The line that says how far a run is and on what device, the bar below the picture, and what screen readers are told.

import { capital, count, cut, format, progressOf } from './words.js';

const ENDED = { idle: '', done: 'Done', cancelled: 'Cancelled', error: 'Stopped by an error' };
const SPOKEN = { loading: 'Loading', sampling: 'Sampling', ...ENDED };
const LOADING = {
  weights: 'Loading the weights',
  engine: 'Loading the engine',
  device: 'Opening the device',
  model: 'Preparing the model',
};

export class Status {
  #line;
  #bar;
  #live;
  #spent = 0;
  #steps = 0;

  constructor(root) {
    [this.#line, this.#bar, this.#live] = ['#status', '#progress', '#live'].map((id) => root.querySelector(id));
  }

  get state() {
    return this.#line.dataset.state;
  }

  get isBusy() {
    return this.state === 'loading' || this.state === 'sampling';
  }

  set state(state) {
    this.#line.dataset.state = state;
    if (state === 'loading') {
      this.#bar.removeAttribute('value');
      this.#line.textContent = 'Loading …';
    } else if (state === 'sampling') {
      this.#bar.value = 0;
      [this.#spent, this.#steps] = [0, 0];
      this.#line.textContent = `Sampling … ${this.#device()}`;
    } else {
      if (state !== 'done') this.#bar.value = 0;
      const what = state === 'done' ? this.#bar.title : ENDED[state];
      this.#line.textContent = [what && `${what}.`, this.#device()].filter(Boolean).join(' ');
    }
  }

  /** Tells screen readers of the state, with what a run has come to. */
  announce(state, more = '') {
    this.say([SPOKEN[state], more].filter(Boolean).join('. '));
  }

  /** To screen readers. */
  say(text) {
    this.#live.textContent = cut(text, 400);
  }

  /** How far a model's loading is. */
  loading({ phase, loaded, total }) {
    if (!this.isBusy) return;
    if (phase === 'pipelines') {
      this.#bar.value = loaded / total;
      this.#line.textContent = `Preparing the GPU: ${loaded} of ${total} …`;
      return;
    }
    if (!Object.hasOwn(LOADING, phase)) return;
    const megabytes = loaded
      ? ` (${(loaded / 2 ** 20).toFixed(1)}${total ? ` of ${(total / 2 ** 20).toFixed(1)}` : ''} MB)`
      : '';
    if (total) this.#bar.value = loaded / total;
    else this.#bar.removeAttribute('value');
    if (this.state === 'loading') this.#line.textContent = `${LOADING[phase]}${megabytes} …`;
  }

  step(step, settings) {
    this.#steps += 1;
    // The first step runs on code that the browser has not optimised yet: it is not what a step takes.
    if (this.#steps > 1) this.#spent += step.ms;
    const ms = this.#steps > 1 ? this.#spent / (this.#steps - 1) : step.ms;
    this.#bar.value = step.progress;
    const accepted = step.acceptance === null ? '' : `, acceptance ${format(step.acceptance)}`;
    const steps = progressOf(step, settings);
    const evaluations = count(step.nfe, 'evaluation');
    this.#bar.title = `${capital(steps)}, ${evaluations}${accepted}, ${format(ms)} ms per step`;
    Object.assign(this.#line.dataset, { index: step.index, nfe: step.nfe, ms: ms.toFixed(2) });
    this.#line.textContent = `${this.#bar.title}. ${this.#device()}`;
  }

  device({ device, reason, adapter }) {
    const { vendor = '', architecture = '', description = '', software = false } = adapter ?? {};
    const onGpu = device === 'webgpu';
    Object.assign(this.#line.dataset, {
      device,
      reason: cut(reason),
      adapter: onGpu ? description || `${vendor} ${architecture}`.trim() || 'unnamed' : '',
      software: onGpu ? software : '',
    });
  }

  #device() {
    const { device, reason, adapter } = this.#line.dataset;
    if (device === 'webgpu') return `On WebGPU (${adapter}).`;
    if (device === 'cpu') return reason && reason !== 'asked for' ? `On the CPU: ${reason}.` : 'On the CPU.';
    return '';
  }
}
