// The frames of a run for the scrubber, within a budget of memory: when it is full, every second one goes.

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
