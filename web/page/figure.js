// The figure: the picture, its time line and its caption.

import { draw, toPng } from '../api/draw.js';
import { BUDGET, Frames } from './frames.js';
import { SAMPLERS } from './settings.js';

/** Frames a second of a replay, and its longest duration in seconds. */
const REPLAY_RATE = 24;
const REPLAY_SECONDS = 6;

const $ = (selector) => document.querySelector(selector);

export class Figure {
  #canvas = $('#canvas');
  #scrubber = $('#scrubber');
  #caption = $('#caption');
  #replay = $('#replay');
  #frames = new Frames();
  #context = { settings: null, title: '', classes: [] };
  #follow = true;
  #timer = null;
  #kind = 'x';

  constructor() {
    this.#scrubber.addEventListener('input', () => {
      this.#stopReplay();
      this.#follow = this.#scrubber.valueAsNumber === this.#frames.length - 1;
      this.#show();
    });
    this.#replay.addEventListener('click', () => (this.#timer === null ? this.#startReplay() : this.#stopReplay()));
    // Nothing is drawn while nobody looks; the newest frame is, when somebody does.
    document.addEventListener('visibilitychange', () => this.#show());
  }

  /** `x` or `denoised`. */
  set kind(kind) {
    this.#kind = kind;
    this.#show();
  }

  /** Noise, as a run starts from it: an empty figure says nothing. */
  placeholder(n, width, height) {
    const pixels = new Uint8ClampedArray(n * width * height * 4);
    for (let i = 0; i < pixels.length; i += 4) {
      // A sum of uniforms is near enough to a normal draw for a picture that claims nothing.
      const grey = 127.5 + 64 * (Math.random() + Math.random() + Math.random() + Math.random() - 2) * Math.sqrt(3);
      pixels.fill(grey, i, i + 3);
      pixels[i + 3] = 255;
    }
    draw(this.#canvas, { pixels, n, width, height });
  }

  /** Forgets the last run. */
  begin(context) {
    this.#stopReplay();
    this.#context = context;
    this.#frames.clear();
    this.#follow = true;
    this.#scrubber.disabled = true;
    this.#replay.disabled = true;
  }

  push(step) {
    const shown = this.current?.index ?? 0;
    this.#frames.push(step);
    const last = this.#frames.length - 1;
    this.#scrubber.max = last;
    // Frames before the shown one may have gone.
    if (!this.#follow) this.#scrubber.value = this.#frames.find(shown);
    this.#scrubber.disabled = last === 0;
    this.#replay.disabled = last === 0;
    if (this.#follow) {
      this.#scrubber.value = last;
      this.#show();
    }
  }

  /** The step that is on the canvas. */
  get current() {
    return this.#frames.at(this.#scrubber.valueAsNumber);
  }

  get stride() {
    return this.#frames.stride;
  }

  #show() {
    const step = this.current;
    if (!step || document.hidden) return;
    step.draw(this.#canvas, { kind: this.#kind });
    const { total, index, t } = step;
    this.#scrubber.setAttribute('aria-valuetext', `step ${index}${total ? ` of ${total}` : ''}, t = ${format(t)}`);
    this.#write(step);
  }

  #write(step) {
    const { settings, title, classes } = this.#context;
    const { label, sampler, seed } = settings;
    const name = label === undefined ? '' : (classes[label] ?? `class ${label}`);
    const what = this.#kind === 'x' ? 'x' : 'x̂';
    const subscript = this.#kind === 'x' ? 't' : '0';
    const guided = settings.guidance !== undefined && settings.guidance !== 1 ? `, guidance ${settings.guidance}` : '';
    const shown = step.done && this.#kind === 'x' ? [] : [' Shown: ', math(what, subscript), ` at t = ${format(step.t)}, σ = ${format(step.sigma)}.`];
    const strong = document.createElement('strong');
    const drawn = settings.n ?? step.n;
    strong.textContent = `${drawn === 1 ? 'One sample' : `${drawn} samples`} of ${title}${name && `, “${name}”`}`;
    const steps = step.total ? `${step.index} of ${step.total} steps` : `${step.index} steps`;
    const evaluations = `${step.nfe} network evaluation${step.nfe === 1 ? '' : 's'}`;
    this.#caption.replaceChildren(strong, `, by ${SAMPLERS[sampler].said}: ${steps}, ${evaluations}${guided}, seed ${seed}.`, ...shown);
    this.#canvas.setAttribute('aria-label', `${step.n === drawn ? 'A grid' : 'A picture'} of ${strong.textContent}, ${steps}`);
  }

  #startReplay() {
    const interval = Math.min(1000 / REPLAY_RATE, (1000 * REPLAY_SECONDS) / this.#frames.length);
    const per = Math.max(1, Math.round(1000 / REPLAY_RATE / interval));
    this.#follow = false;
    this.#scrubber.value = 0;
    this.#replay.textContent = '■';
    this.#replay.setAttribute('aria-label', 'Stop the replay');
    this.#timer = setInterval(() => {
      const last = this.#frames.length - 1;
      this.#scrubber.value = Math.min(last, this.#scrubber.valueAsNumber + per);
      this.#show();
      if (this.#scrubber.valueAsNumber === last) this.#stopReplay();
    }, interval * per);
  }

  #stopReplay() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#replay.textContent = '▶';
    this.#replay.setAttribute('aria-label', 'Replay the run');
    this.#follow = this.#scrubber.valueAsNumber === this.#frames.length - 1;
  }

  /** The picture that is shown, as a PNG file. */
  png() {
    const step = this.current;
    return toPng({ pixels: step.pixels(this.#kind), n: step.n, width: step.width, height: step.height });
  }
}

/** What the scrubber keeps, in words. */
export const memoryNote = `The scrubber keeps at most ${BUDGET / 2 ** 20} MB of frames; a longer run keeps every second, fourth, … one. A run goes on while its tab is hidden; drawing waits until it is shown.`;

function math(letter, subscript) {
  const i = document.createElement('i');
  i.className = 'math';
  const sub = document.createElement('sub');
  sub.textContent = subscript;
  i.append(letter, sub);
  return i;
}

/** Three significant digits. */
export function format(value) {
  return Number(value.toPrecision(3)).toString();
}
