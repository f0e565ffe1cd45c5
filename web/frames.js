// The frames of a run for the scrubber, within a budget of memory: when it is full, every second one goes.

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

  clear() {
    this.#frames = [];
    this.#stride = 1;
    this.#count = 0;
  }

  /** Adds a step's frames; the newest is always kept. */
  push(step) {
    const newest = this.#frames.at(-1);
    if (newest && newest.count % this.#stride !== 0) this.#frames.pop();
    this.#frames.push({ step, count: this.#count });
    this.#count += 1;
    const bytes = step.pixels('x').byteLength + step.pixels('denoised').byteLength;
    while (this.#frames.length > 2 && this.#frames.length * bytes > this.#budget) {
      this.#stride *= 2;
      const last = this.#frames.at(-1);
      this.#frames = this.#frames.filter((frame) => frame.count % this.#stride === 0 || frame === last);
    }
  }
}
