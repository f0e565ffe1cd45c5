// Releasing particles: by its button or by pointing into a field, and the slider that goes back through their steps.

import { format } from '../page/words.js';
import { Aim } from './aim.js';
import { Particles } from './particles.js';
import { grid, normals, square } from './random.js';

/** Particles that a place pointed at gets, and the share of the view that they are spread over. */
const [HANDFUL, SPREAD] = [12, 0.03];
const REDUCED = '(prefers-reduced-motion: reduce)';

export class Release {
  #root;
  #board;
  #ask;
  #held = [];
  #aims = {};
  #follow = true;
  particles = new Particles();

  /**
   * @param {ParentNode} root
   * @param {import('./board.js').Board} board
   * @param {{signal: AbortSignal, ask: () => Record<string, object> | null, onEnd: () => void, onError: Function}} options
   *   `ask`: what samples each field (`{training, settings, score, from}`), null where nothing can
   */
  constructor(root, board, { signal, ask, onEnd, onError }) {
    this.#root = root;
    this.#board = board;
    this.#ask = ask;
    for (const name of ['a', 'b']) {
      const canvas = root.querySelector(`canvas[data-figure="field-${name}"]`);
      this.#aims[name] = new Aim(canvas, board.panel(`field-${name}`), {
        signal,
        isOn: () => this.#ask() !== null,
        onPoint: (place) => this.#hold(place, name),
        onEnd: () => this.#let(),
        onCancel: () => {
          this.#held = [];
          this.#draw();
        },
      });
    }
    const on = (selector, type, listener) => this.#one(selector).addEventListener(type, listener, { signal });
    on('#release', 'click', () => this.go());
    on('#hold', 'click', () => (this.particles.state === 'paused' ? this.particles.resume() : this.particles.pause()));
    on('#clear', 'click', () => this.clear());
    on('#frame', 'input', () => {
      this.#follow = this.#one('#frame').valueAsNumber >= this.particles.length - 1;
      this.#draw();
    });
    this.particles.addEventListener('frame', () => {
      if (this.#follow) this.#one('#frame').value = this.particles.length - 1;
      if (!matchMedia(REDUCED).matches && !document.hidden) this.#draw();
    });
    this.particles.addEventListener('state', ({ detail: { state, error } }) => {
      this.#buttons(state);
      this.#draw();
      if (error) onError(error);
      if (state === 'done') onEnd();
    });
    this.#draw();
  }

  #one(selector) {
    return this.#root.querySelector(selector);
  }

  #hold([x, y], name) {
    const spread = SPREAD * this.#board.view.extent;
    const noise = normals(2 * HANDFUL, this.#held.length + 1);
    for (let i = 0; i < HANDFUL; i++) this.#held.push(x + spread * noise[2 * i], y + spread * noise[2 * i + 1]);
    this.#board.sketch(`field-${name}`, Float32Array.from(this.#held), this.#aims[name]);
  }

  #let() {
    const from = Float32Array.from(this.#held.slice(0, 2048));
    this.#held = [];
    if (from.length) this.go(from);
  }

  /** Releases particles: at `from`, or where the settings say. */
  go(from = null) {
    const asked = this.#ask();
    if (!asked) return Promise.resolve();
    this.#follow = true;
    for (const one of Object.values(asked)) {
      const { settings, place } = one;
      if (from) one.from = from;
      else if (place === 'uniform') one.from = square(settings.n, this.#board.view, settings.seed);
      else if (place === 'grid') one.from = grid(Math.max(2, Math.round(Math.sqrt(settings.n))), this.#board.view);
      if (one.from) settings.n = one.from.length / 2;
      delete one.place;
    }
    return this.particles.release(asked);
  }

  clear() {
    this.particles.clear();
  }

  #buttons(state) {
    const moving = state === 'moving' || state === 'paused';
    this.#enable('#hold', moving);
    this.#one('#hold').textContent = state === 'paused' ? 'Go on' : 'Pause';
    this.#enable('#clear', state !== 'none');
    this.#enable('#frame', !moving && this.particles.length > 1);
  }

  /** A control that goes out does not take the focus with it. */
  #enable(selector, enabled) {
    const element = this.#one(selector);
    if (!enabled && element.getRootNode().activeElement === element) this.#one('#release').focus();
    element.disabled = !enabled;
  }

  #draw() {
    const slider = this.#one('#frame');
    slider.max = Math.max(0, this.particles.length - 1);
    if (this.#follow) slider.value = slider.max;
    const index = slider.valueAsNumber;
    const frames = {};
    for (const [name, path] of Object.entries(this.particles.paths)) {
      if (path.length) frames[name] = { all: path.values.map(({ x }) => x), last: Math.min(index, path.length - 1) };
    }
    this.#board.particles(frames, this.#aims);
    const shown = this.particles.at('a', index);
    const words = shown
      ? `step ${shown.index}${Number.isFinite(shown.sigma) && shown.sigma ? `, σ = ${format(shown.sigma)}` : ''}`
      : 'none';
    this.#one('#frame-out').textContent = words;
    slider.setAttribute('aria-valuetext', words);
  }
}
