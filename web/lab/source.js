// Points of the reader's own: drawn in panel a, or out of a file that was chosen or dropped.

import { Aim } from './aim.js';
import { HALF, MOST_DRAWN, checked, decode, encode, readPoints } from './points.js';

/** How far apart the points of a stroke are, as a share of the half-width. */
const APART = 0.025;

export class Source {
  #root;
  #board;
  #drawn = [];
  #stroke = [];
  #file = null;
  #aim;
  #isDrawing;

  /**
   * @param {ParentNode} root
   * @param {import('./board.js').Board} board
   * @param {{signal: AbortSignal, isDrawing: () => boolean, onChange: () => void}} options `onChange`: there are others
   */
  constructor(root, board, { signal, isDrawing, onChange }) {
    this.#root = root;
    this.#board = board;
    this.#isDrawing = isDrawing;
    const canvas = root.querySelector('canvas[data-figure="truth"]');
    this.#aim = new Aim(canvas, board.panel('truth'), {
      signal,
      isOn: isDrawing,
      onPoint: (place) => this.#add(place),
      onEnd: () => {
        this.#stroke = [];
        onChange();
      },
      onUndo: () => {
        this.#drawn.splice(-2);
        this.show();
        onChange();
      },
    });
    root.querySelector('#undraw').addEventListener(
      'click',
      () => {
        this.#drawn = [];
        this.show();
        onChange();
      },
      { signal },
    );
  }

  #add([x, y]) {
    const full = this.#drawn.length >= 2 * MOST_DRAWN;
    const [u, v] = this.#stroke;
    if (full || (u !== undefined && Math.hypot(x - u, y - v) < APART * HALF)) return;
    this.#stroke = [x, y];
    const inside = (value) => Math.min(HALF, Math.max(-HALF, value));
    this.#drawn.push(inside(x), inside(y));
    this.show();
  }

  /** The drawing as an address has it. */
  get text() {
    return encode(this.#drawn);
  }

  set text(text) {
    this.#drawn = [...decode(text)];
  }

  get file() {
    return this.#file?.name ?? null;
  }

  /** Reads a file of points or a picture. */
  async open(file, seed) {
    this.#file = { name: file.name, points: await readPoints(file, seed) };
  }

  /** The points of a kind of distribution; undefined for those that the engine has. */
  points(kind) {
    if (kind === 'drawn') return checked(Float32Array.from(this.#drawn), 'the drawing');
    if (kind === 'file')
      return checked(this.#file?.points ?? new Float32Array(), this.#file?.name ?? 'no file is open');
    return undefined;
  }

  /** Makes panel a a place to draw in, or a picture again. */
  show() {
    const drawing = this.#isDrawing();
    const canvas = this.#root.querySelector('canvas[data-figure="truth"]');
    this.#root.querySelector('#draw-note').hidden = !drawing;
    canvas.setAttribute('role', drawing ? 'application' : 'img');
    if (drawing) {
      canvas.tabIndex = 0;
      const count = this.#drawn.length / 2;
      this.#board
        .panel('truth')
        .label(
          `A drawing of ${count} points. Arrow keys move a cross, Enter puts a point there, Backspace takes the last one away.`,
        );
      this.#board.sketch('truth', Float32Array.from(this.#drawn), this.#aim);
    } else {
      canvas.removeAttribute('tabindex');
      this.#board.panel('truth').top(() => {});
    }
  }
}
