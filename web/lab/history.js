// What has been recorded for a slider to go back to, at most so much of it: when it is full, every second entry goes.

export class History {
  #most;
  #entries = [];
  #stride = 1;
  #count = 0;

  constructor(most = 128) {
    this.#most = most;
  }

  get length() {
    return this.#entries.length;
  }

  at(index) {
    return this.#entries.at(index)?.value;
  }

  /** All, oldest first. */
  get values() {
    return this.#entries.map(({ value }) => value);
  }

  clear() {
    [this.#entries, this.#stride, this.#count] = [[], 1, 0];
  }

  /** Keeps the first and the newest in any case. */
  push(value) {
    const newest = this.#entries.at(-1);
    if (newest && newest.count % this.#stride !== 0) this.#entries.pop();
    this.#entries.push({ value, count: this.#count });
    this.#count += 1;
    if (this.#entries.length <= this.#most) return;
    this.#stride *= 2;
    const last = this.#entries.at(-1);
    this.#entries = this.#entries.filter((entry) => entry.count % this.#stride === 0 || entry === last);
  }
}
