// The frames of a run for the scrubber, within a budget of memory: when it is full, every second one goes.
//
// A frame that a GPU has drawn is a bitmap of that GPU, and goes with it: it is read back when there is time, and by
// what comes back it is known whether it was still there.

/** Bytes. */
export const BUDGET = 64 * 2 ** 20;

export class Frames {
  #budget;
  #frames = [];
  #stride = 1;
  #count = 0;

  constructor(budget = BUDGET) {
    this.#budget = budget;
  }

  get length() {
    return this.#frames.length;
  }

  /** Every how many steps a frame is kept. */
  get stride() {
    return this.#stride;
  }

  /** The step of a kept frame. */
  at(index) {
    return this.#frames.at(index)?.step;
  }

  /** Where the kept frame is that was shown for step `index`, or would be: the first that is not older. */
  find(index) {
    const found = this.#frames.findIndex(({ step }) => step.index >= index);
    return found === -1 ? this.#frames.length - 1 : found;
  }

  clear() {
    for (const { step } of this.#frames) step.close();
    this.#frames = [];
    this.#stride = 1;
    this.#count = 0;
  }

  /** Takes out what `isGone` says of a step. */
  drop(isGone) {
    const gone = this.#frames.filter(({ step }) => isGone(step));
    for (const { step } of gone) step.close();
    this.#frames = this.#frames.filter((frame) => !gone.includes(frame));
    return gone.length;
  }

  /** Adds a step's frames; the first and the newest are always kept. What goes is closed. */
  push(step) {
    const newest = this.#frames.at(-1);
    if (newest && newest.count % this.#stride !== 0) this.#frames.pop().step.close();
    this.#frames.push({ step, count: this.#count });
    this.#count += 1;
    const bytes = bytesOf(step);
    while (this.#frames.length > 2 && this.#frames.length * bytes > this.#budget) {
      this.#stride *= 2;
      const last = this.#frames.at(-1);
      const kept = (frame) => frame.count % this.#stride === 0 || frame === last;
      for (const frame of this.#frames) if (!kept(frame)) frame.step.close();
      this.#frames = this.#frames.filter(kept);
    }
  }
}

/** RGBA of the samples and of the estimates: as much as arrays, and as a GPU's bitmap. */
function bytesOf({ n, width, height }) {
  return 2 * 4 * n * width * height;
}

const KINDS = ['x', 'denoised'];

/** A step, and its pictures off the GPU once they have been kept. */
export class Frame {
  #step;
  #pixels = null;

  constructor(step) {
    const { index, total, progress, t, sigma, nfe, done, n, width, height } = step;
    Object.assign(this, { index, total, progress, t, sigma, nfe, done, n, width, height });
    /** The GPU took it along. */
    this.lost = false;
    this.#step = step;
  }

  get kept() {
    return this.#pixels !== null || this.lost;
  }

  /** Reads the pictures back. A bitmap whose GPU is gone has no opacity; a picture is opaque everywhere. */
  keep() {
    if (this.kept) return;
    try {
      const pixels = Object.fromEntries(KINDS.map((kind) => [kind, this.#step.pixels(kind)]));
      if (KINDS.every((kind) => isOpaque(pixels[kind]))) this.#pixels = pixels;
      else this.lost = true;
    } catch {
      this.lost = true;
    }
    this.#step.close();
    this.#step = null;
  }

  /** As bytes; null where they are lost. */
  pixels(kind) {
    this.keep();
    return this.#pixels?.[kind] ?? null;
  }

  /** Draws by `draw` what is kept, and what is not by the GPU that has it. */
  draw(canvas, kind, draw) {
    if (this.#step) this.#step.draw(canvas, { kind });
    else if (this.#pixels) draw(canvas, { ...this, pixels: this.#pixels[kind] });
  }

  close() {
    this.#step?.close();
    this.#step = null;
    this.#pixels = null;
    this.lost = true;
  }
}

function isOpaque(pixels) {
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] !== 255) return false;
  return pixels.length > 0;
}
