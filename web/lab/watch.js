// Looking at the fields of a session: in training as often as frames come and there is time, at rest whenever something
// changes. What was seen is kept, for a slider.
//
// Events: `seen` (another look was taken; detail: whether it is to be drawn), `surveyed` (there are other curves by σ).

import { alongLevels, snapshot } from './evaluate.js';
import { History } from './history.js';

/** Milliseconds between two looks, and where nobody looks or nothing is to move. */
const [LOOK, UNSEEN] = [30, 2000];
/** Milliseconds between two measurements of the curves by σ. */
const SURVEY = 1500;
/** Looks have at most a third of the time. */
const SHARE = 3;
const REDUCED = '(prefers-reduced-motion: reduce)';

export class Watch extends EventTarget {
  #session;
  #at;
  #begun = 0;
  #surveyed = 0;
  #cost = 0;
  #looking = null;
  #again = false;
  /** By name of the field: what was seen last, and its curves by σ. */
  shots = {};
  curves = {};
  past = new History();

  /**
   * @param {import('./session.js').Session} session
   * @param {() => {view: object, t: number, clean: Float32Array, noise: Float32Array}} at where it looks
   */
  constructor(session, at) {
    super();
    this.#session = session;
    this.#at = at;
  }

  forget() {
    [this.shots, this.curves] = [{}, {}];
    this.past.clear();
  }

  /** Looks now, if it is time to. */
  async glance() {
    const hidden = document.hidden || matchMedia(REDUCED).matches;
    const wait = hidden ? UNSEEN : Math.max(LOOK, SHARE * this.#cost);
    if (this.#looking || performance.now() - this.#begun < wait) return;
    await this.#take(!hidden);
    if (!hidden && performance.now() - this.#surveyed > SURVEY) await this.survey();
  }

  /** Looks in any case; once more after a look that is under way, as something has changed since it began. */
  async look() {
    if (this.#looking) {
      this.#again = true;
      await this.#looking;
      return;
    }
    await this.#take(true);
    if (!this.#again) return;
    this.#again = false;
    await this.look();
  }

  async #take(drawn) {
    if (!this.#session.sides.a) return;
    this.#begun = performance.now();
    this.#looking = this.#measure(drawn);
    try {
      await this.#looking;
    } finally {
      this.#looking = null;
      this.#cost = performance.now() - this.#begun;
    }
  }

  async #measure(drawn) {
    const { sides } = this.#session;
    const at = this.#at();
    const shots = {};
    for (const [name, side] of Object.entries(sides)) shots[name] = await snapshot(side, at);
    if (sides !== this.#session.sides) return;
    this.shots = shots;
    this.past.push(shots);
    this.dispatchEvent(new CustomEvent('seen', { detail: drawn }));
  }

  /** Measures along the levels of noise, which takes longer. */
  async survey() {
    this.#surveyed = performance.now();
    const { sides } = this.#session;
    const found = {};
    for (const [name, side] of Object.entries(sides)) found[name] = await alongLevels(side, this.#at());
    if (sides !== this.#session.sides) return;
    this.curves = found;
    this.dispatchEvent(new Event('surveyed'));
  }
}
