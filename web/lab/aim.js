// Pointing at a place of a panel: with a mouse, a finger or a pen, or with the arrow keys, which move a cross, and
// Enter.

/** How far a key goes, as a share of the half-width; with Shift a quarter of it. */
const STEP = 0.08;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Aim {
  #canvas;
  #panel;
  /** Where the cross is; null while no key has been pressed. */
  place = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./panel.js').Panel} panel
   * @param {{signal: AbortSignal, isOn: () => boolean, onPoint: (place: [number, number]) => void, onEnd: () => void,
   *   onCancel?: () => void, onUndo?: () => void}} options `onPoint`: a place is pointed at; `onEnd`: the hand is lifted
   */
  constructor(canvas, panel, { signal, isOn, onPoint, onEnd, onCancel = onEnd, onUndo = () => {} }) {
    this.#canvas = canvas;
    this.#panel = panel;
    let down = false;
    const on = (type, listener) => canvas.addEventListener(type, listener, { signal });
    const point = (event) => {
      const place = panel.toPlane(event);
      if (place) onPoint(place);
    };
    on('pointerdown', (event) => {
      if (!isOn() || event.button !== 0) return;
      down = true;
      canvas.setPointerCapture(event.pointerId);
      this.hide();
      point(event);
    });
    on('pointermove', (event) => down && point(event));
    on('pointerup', () => {
      if (down) onEnd();
      down = false;
    });
    // A finger that scrolls the page has pointed at nothing.
    on('pointercancel', () => {
      if (down) onCancel();
      down = false;
    });
    on('keydown', (event) => {
      if (!isOn()) return;
      if (Object.hasOwn(KEYS, event.key)) this.#move(KEYS[event.key], event.shiftKey);
      else if (event.key === 'Enter' || event.key === ' ') {
        this.#move([0, 0]);
        onPoint(this.place);
        onEnd();
      } else if (event.key === 'Backspace') onUndo();
      else return;
      event.preventDefault();
    });
    on('blur', () => this.hide());
  }

  hide() {
    if (!this.place) return;
    this.place = null;
    this.#panel.refresh();
  }

  #move([dx, dy], fine = false) {
    const { centre, extent } = this.#panel.view;
    const from = this.place ?? centre;
    const far = extent * STEP * (fine ? 0.25 : 1);
    const inside = (value, d) => Math.min(centre[d] + extent, Math.max(centre[d] - extent, value));
    this.place = [inside(from[0] + dx * far, 0), inside(from[1] + dy * far, 1)];
    this.#panel.refresh();
  }
}
