// What stands above the figure: a message of what went wrong, and the question about weights of another site.

import { cut, sentence } from './words.js';

/** A part of a message longer than this is cut: names in a stranger's file have any length. */
const LONGEST = 320;

export class Message {
  #panel;
  #onClose;

  /** @param {{signal?: AbortSignal, onClose: () => void}} options `onClose`: the reader has dismissed it */
  constructor(root, { signal, onClose }) {
    this.#panel = root.querySelector('#error');
    this.#onClose = onClose;
    root.querySelector('#dismiss').addEventListener(
      'click',
      () => {
        this.hide();
        this.#onClose();
      },
      { signal },
    );
  }

  /** @param {import('../api/errors.js').ScorefieldError} error */
  show(error) {
    this.#panel.dataset.code = error.code;
    for (const part of ['what', 'where', 'remedy']) {
      const text = error[part] || (part === 'what' ? error.message : '');
      const element = this.#panel.querySelector(`.${part}`);
      element.textContent = sentence(cut(text, LONGEST));
      element.hidden = !text;
    }
    this.#panel.hidden = false;
    this.#panel.scrollIntoView({ block: 'nearest' });
  }

  hide() {
    this.#panel.hidden = true;
  }
}

export class Question {
  #panel;
  #text;
  #address;
  #yes;
  #answer = null;

  /** @param {{signal?: AbortSignal, onClose: () => void}} options `onClose`: it was answered */
  constructor(root, { signal, onClose }) {
    [this.#panel, this.#text, this.#address, this.#yes] = ['#ask', '#ask-text', '#ask-address', '#ask-yes'].map((id) =>
      root.querySelector(id),
    );
    const answer = (agreed) => () => {
      const then = this.#answer;
      this.hide();
      onClose();
      if (agreed) then?.();
    };
    this.#yes.addEventListener('click', answer(true), { signal });
    root.querySelector('#ask-no').addEventListener('click', answer(false), { signal });
  }

  /** Asks about an address, which is shown as it will be fetched. */
  ask({ url, site }, then) {
    const from = site ? `from another site, ${cut(site, 120)}` : 'from another site, to which this address leads';
    const trust = 'Weights are data, not code, and are checked before use.';
    this.#text.textContent = `This link loads its weights ${from}. ${trust}`;
    this.#address.textContent = cut(url, LONGEST);
    this.#answer = then;
    this.#panel.hidden = false;
    this.#panel.scrollIntoView({ block: 'nearest' });
    this.#yes.focus();
  }

  hide() {
    this.#answer = null;
    this.#panel.hidden = true;
  }
}
