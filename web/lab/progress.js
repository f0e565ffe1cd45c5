// The buttons and the line beside them, as a session is; and what screen readers are told.

import { format } from '../page/words.js';

const SPOKEN = {
  idle: '',
  loading: 'Loading',
  training: 'Training',
  paused: 'Paused',
  done: 'Trained',
  error: 'Stopped by an error',
};

export class Progress {
  #root;
  #session;

  constructor(root, session) {
    this.#root = root;
    this.#session = session;
  }

  #one(selector) {
    return this.#root.querySelector(selector);
  }

  /** To screen readers. */
  say(text) {
    this.#one('#live').textContent = text;
  }

  /** Another state, of a training to `target` steps; `error`: that of the first field. */
  show({ target, error, past }) {
    const { running, state, step, sides } = this.#session;
    this.#one('#status').dataset.state = state;
    const ready = state !== 'loading';
    const there = ready && Boolean(sides.a);
    const train = this.#one('#train');
    train.disabled = !ready;
    train.textContent = running
      ? 'Pause'
      : target === 0
        ? 'Run'
        : step === 0
          ? 'Train'
          : step < target
            ? 'Go on'
            : 'Train further';
    this.#enable('#single', there);
    this.#enable('#reset', there && step > 0);
    this.#enable('#release', there && !running);
    this.#enable('#export', there && step > 0);
    this.#enable('#export-b', there && step > 0);
    this.#enable('#past', there && !running && past > 1);
    this.#one('#export-b').hidden = !sides.b;
    this.line({ target, error });
    const more = state === 'done' || state === 'paused' ? ` after ${step} steps` : '';
    this.say(SPOKEN[state] && `${SPOKEN[state]}${more}.`);
  }

  /** A button that goes out does not take the focus with it. */
  #enable(selector, enabled) {
    const button = this.#one(selector);
    if (!enabled && button.getRootNode().activeElement === button) this.#one('#train').focus();
    button.disabled = !enabled;
  }

  /** The line beside the buttons. */
  line({ target, error }) {
    const { state, step, sides } = this.#session;
    const status = this.#one('#status');
    status.dataset.step = step;
    if (Number.isFinite(error)) status.dataset.error = error.toPrecision(4);
    else delete status.dataset.error;
    const rate = sides.a?.seconds ? `, ${format(step / sides.a.seconds)} steps/s` : '';
    const words = {
      loading: 'Loading the engine …',
      error: 'Stopped by an error',
      idle: sides.a ? 'Ready' : 'Draw in panel a',
    };
    if (target === 0 && state === 'done') words.done = 'Nothing is learned here';
    status.textContent = words[state] ?? `Step ${step} of ${target}${rate}`;
  }

  /** How far the engine's loading is. */
  loading({ phase, loaded, total }) {
    if (this.#session.state !== 'loading' || phase !== 'engine' || !loaded) return;
    const [part, whole] = [loaded, total].map((bytes) => bytes && (bytes / 2 ** 20).toFixed(1));
    this.#one('#status').textContent = `Loading the engine (${part}${whole ? ` of ${whole}` : ''} MB) …`;
  }
}
