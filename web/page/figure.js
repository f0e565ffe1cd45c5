// The figure: the picture, its time line and its caption. It shows one run at a time, and knows what that run was.

import { draw, toPng } from '../api/draw.js';
import { writeCaption } from './caption.js';
import { BUDGET, Frame, Frames } from './frames.js';
import { format, progressOf, samples } from './words.js';

/** Milliseconds of a replay: the usual and the most, and of one frame the least and the most. */
const [REPLAY, LONGEST] = [2000, 6000];
const [QUICKEST, SLOWEST] = [1000 / 24, 160];

/** Milliseconds that one frame may take to be read back. */
const FRAME_TIME = 4;

/** Heights and widths of noise for pictures that are not there yet: of an image, and of points. */
const [TILE, POINTS] = [
  [28, 28],
  [96, 96],
];

const REDUCED = '(prefers-reduced-motion: reduce)';
const whenIdle = globalThis.requestIdleCallback ?? ((then) => setTimeout(then, 50));

export class Figure extends EventTarget {
  #canvas;
  #scrubber;
  #caption;
  #replay;
  #frames = new Frames();
  #context = null;
  /** The run that was shown, until the new one has a frame. */
  #before = null;
  #follow = true;
  #timer = null;
  #kind;
  #n = 1;
  #size = TILE;
  #keeping = false;

  /**
   * @param {ParentNode} root what holds the figure's elements
   * @param {{kind?: 'x' | 'denoised', signal?: AbortSignal}} [options] `signal` ends it
   */
  constructor(root, { kind = 'denoised', signal } = {}) {
    super();
    const one = (selector) => root.querySelector(selector);
    [this.#canvas, this.#scrubber, this.#caption, this.#replay] = ['#canvas', '#scrubber', '#caption', '#replay'].map(
      one,
    );
    this.#kind = kind;
    const listen = (target, type, heard) => target.addEventListener(type, () => this.#try(heard), { signal });
    listen(this.#scrubber, 'input', () => {
      this.#stopReplay();
      this.#follow = this.#scrubber.valueAsNumber >= this.#last();
      this.#show();
    });
    listen(this.#replay, 'click', () => (this.#timer === null ? this.replay() : this.#stopReplay()));
    // Nothing is drawn while nobody looks; the newest frame is, when somebody does.
    listen(document, 'visibilitychange', () => (this.#frames.length ? this.#show() : this.placeholder(this.#n)));
    // A canvas may lose what was on it with the GPU.
    listen(this.#canvas, 'contextrestored', () => this.#show());
    signal?.addEventListener('abort', () => this.#stopReplay());
  }

  /** What nobody called for, such as a timer's work, fails with an event. */
  #try(work) {
    try {
      work();
    } catch (error) {
      this.dispatchEvent(new CustomEvent('fault', { detail: error }));
    }
  }

  /** `x` or `denoised`. */
  set kind(kind) {
    this.#kind = kind;
    this.#show();
  }

  /** What run is shown: what `begin` was told of it; null before the first. */
  get context() {
    return this.#frames.length ? this.#context : null;
  }

  /** The frame that is on the canvas. */
  get current() {
    return this.#frames.length ? this.#frames.at(this.#position()) : undefined;
  }

  get stride() {
    return this.#frames.stride;
  }

  /** Noise, as a run starts from it: an empty figure says nothing. */
  placeholder(n, [height, width] = this.#size) {
    [this.#n, this.#size] = [n, [height, width]];
    if (document.hidden) return;
    const pixels = new Uint8ClampedArray(n * width * height * 4);
    for (let i = 0; i < pixels.length; i += 4) {
      // A sum of uniforms is near enough to a normal draw for a picture that claims nothing.
      const grey = 127.5 + 64 * (Math.random() + Math.random() + Math.random() + Math.random() - 2) * Math.sqrt(3);
      pixels.fill(grey, i, i + 3);
      pixels[i + 3] = 255;
    }
    draw(this.#canvas, { pixels, n, width, height });
  }

  /** A run is on its way: its noise is shown at once, and what was shown stays at hand until it has a frame. */
  expect(n, arePoints = false) {
    this.#stopReplay();
    if (this.#frames.length)
      this.#before = { frames: this.#frames, context: this.#context, value: this.#scrubber.value };
    this.#frames = new Frames();
    this.#context = null;
    if (arePoints) this.placeholder(1, POINTS);
    else this.placeholder(n, TILE);
    this.#canvas.setAttribute('aria-label', `Noise, from which ${samples(n).toLowerCase()} will come`);
    this.#caption.textContent = 'Gaussian noise, where every run starts.';
    this.#place(0, 1);
  }

  /** The expected run begins. */
  begin(context) {
    this.#context = context;
    this.#follow = true;
  }

  /** The expected run has come to nothing: what was shown before is shown again. */
  restore() {
    if (this.#frames.length || !this.#before) return;
    const { frames, context, value } = this.#before;
    this.#before = null;
    [this.#frames, this.#context] = [frames, context];
    this.#place(Number(value), this.#last());
    this.#show();
  }

  push(step) {
    this.#before?.frames.clear();
    this.#before = null;
    const shown = this.#follow ? null : this.current?.index;
    this.#frames.push(new Frame(step));
    const { index, total, progress } = step;
    // The thumb is where the run is between noise and picture.
    const end =
      total ?? (step.done ? index : Math.max(index + 1, Math.min(10 * index, Math.round(index / (progress || 1)))));
    this.#place(shown ?? index, end);
    if (this.#follow) this.#show();
    this.#keepSoon();
  }

  /** Whatever a GPU drew is read back, or dropped where the GPU is gone; the canvas shows a frame that is left. */
  secure() {
    for (const frame of this.#all()) frame.keep();
    const lost = this.#frames.drop((frame) => frame.lost);
    if (lost && this.#frames.length) this.#show();
    if (lost) this.dispatchEvent(new CustomEvent('lost', { detail: lost }));
  }

  /** Reads frames back as long as there is nothing else to do. */
  #keepSoon() {
    if (this.#keeping) return;
    this.#keeping = true;
    const work = (deadline) => {
      this.#keeping = false;
      do {
        const next = this.#all().find((frame) => !frame.kept);
        if (!next) return;
        next.keep();
        if (next.lost) this.secure();
      } while (deadline?.timeRemaining() > FRAME_TIME);
      this.#keepSoon();
    };
    whenIdle((deadline) => this.#try(() => work(deadline)));
  }

  #all() {
    return Array.from({ length: this.#frames.length }, (_, i) => this.#frames.at(i));
  }

  /** Puts the thumb at a step of `end`. */
  #place(value, end) {
    const none = this.#frames.length === 0;
    Object.assign(this.#scrubber, { min: none ? 0 : this.#frames.at(0).index, max: Math.max(1, end) });
    this.#scrubber.value = value;
    const still = this.#frames.length < 2;
    this.#disable(this.#scrubber, still);
    this.#disable(this.#replay, still);
  }

  /** Focus is not lost with the element that had it. */
  #disable(element, disabled) {
    if (disabled && element.getRootNode().activeElement === element) this.dispatchEvent(new Event('unfocus'));
    element.disabled = disabled;
  }

  /** The step of the newest frame. */
  #last() {
    return this.#frames.at(-1)?.index ?? 1;
  }

  /** Where in the frames the thumb is. */
  #position() {
    return this.#frames.find(this.#scrubber.valueAsNumber);
  }

  #show() {
    let frame = this.current;
    if (!frame || document.hidden) return;
    const newest = this.#frames.at(-1) === frame;
    if (!newest) {
      frame.keep();
      if (frame.lost) {
        this.secure();
        frame = this.current;
        if (!frame) return;
      }
    }
    frame.draw(this.#canvas, this.#kind, draw);
    // Nothing is beyond the newest frame.
    if (this.#scrubber.valueAsNumber > frame.index) this.#scrubber.value = frame.index;
    const { settings } = this.#context;
    this.#scrubber.setAttribute('aria-valuetext', `${progressOf(frame, settings)}, t = ${format(frame.t)}`);
    const label = writeCaption(this.#caption, frame, this.#kind, this.#context);
    this.#canvas.setAttribute('aria-label', label);
  }

  /** Plays the run from its noise; for those who want no motion, nothing moves. */
  replay() {
    if (this.#frames.length < 2 || matchMedia(REDUCED).matches) return;
    const { length } = this.#frames;
    const interval = Math.min(SLOWEST, Math.max(QUICKEST, REPLAY / length));
    const per = Math.ceil((length * interval) / LONGEST);
    this.#follow = false;
    let at = 0;
    const go = () => {
      this.#scrubber.value = this.#frames.at(Math.min(at, this.#frames.length - 1)).index;
      this.#show();
      if (at >= this.#frames.length - 1) this.#stopReplay();
      at += per;
    };
    this.#replay.textContent = '■';
    this.#name('Stop the replay', 'Stop');
    this.#timer = setInterval(() => this.#try(go), interval);
    go();
  }

  /** Names the button for those who hear it, and for those who point at it. */
  #name(label, title) {
    this.#replay.setAttribute('aria-label', label);
    this.#replay.title = title;
  }

  #stopReplay() {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#replay.textContent = '▶';
    this.#name('Replay the run', 'Replay');
    this.#follow = this.#scrubber.valueAsNumber >= this.#last();
  }

  /** The picture that is shown, as a PNG file. */
  async png() {
    const { n, width, height } = this.current;
    const pixels = this.current.pixels(this.#kind);
    if (!pixels) throw new Error('this frame was lost with the GPU that had drawn it');
    return toPng({ pixels, n, width, height });
  }

  close() {
    this.#stopReplay();
    this.#frames.clear();
    this.#before?.frames.clear();
  }
}

/** What the scrubber keeps, in words. */
export const memoryNote = [
  `The scrubber keeps at most ${BUDGET / 2 ** 20} MB of frames; a longer run keeps every second, fourth, … one.`,
  'A run goes on while its tab is hidden; drawing waits until it is shown.',
].join(' ');
