// A square panel of the plane on a canvas: its axes, its colour bar, and layers that are drawn by others (layers.js).
// What changes seldom is kept as images, below what changes with every frame.

import { format } from '../page/words.js';
import { scaleOf } from './theme.js';

const [LEFT, RIGHT, TOP, BOTTOM, BAR] = [34, 2, 7, 20, 26];

export class Panel {
  #canvas;
  /** From below: each with its image, what it is of, and whether it has to be painted again. */
  #layers = ['ground', 'base'].map(() => ({
    canvas: document.createElement('canvas'),
    paint: () => {},
    key: null,
    stale: true,
  }));
  #paintTop = () => {};
  #due = false;
  /** The width in units of the drawing, CSS pixels in a unit, and pixels of the canvas in one. */
  #size = 0;
  #unit = 1;
  #ratio = 1;
  #bar = null;
  /** @type {{centre: [number, number], extent: number}} */
  view = { centre: [0, 0], extent: 1 };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{theme: () => object, signal: AbortSignal, bar?: boolean}} options `bar`: room for a colour bar
   */
  constructor(canvas, { theme, signal, bar = false }) {
    this.#canvas = canvas;
    this.theme = theme;
    this.room = bar ? BAR : 0;
    const observer = new ResizeObserver(() => this.redraw());
    observer.observe(canvas);
    signal.addEventListener('abort', () => observer.disconnect());
    // Nothing is drawn while nobody looks.
    document.addEventListener('visibilitychange', () => this.redraw(), { signal });
  }

  /** The square, in units. */
  get frame() {
    const side = this.#size - LEFT - RIGHT;
    return { left: LEFT, top: TOP, side, view: this.view };
  }

  /** Where a place of the screen is in the plane; null outside the square. */
  toPlane({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const { left, top, side, view } = this.frame;
    const [u, v] = [(clientX - box.left) / this.#unit - left, (clientY - box.top) / this.#unit - top].map(
      (d) => d / side,
    );
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) return null;
    return [view.centre[0] + view.extent * (2 * u - 1), view.centre[1] - view.extent * (2 * v - 1)];
  }

  /** What is lowest: `paint(context, frame, theme)`; it is not painted again for the same `key`. */
  ground(paint, key) {
    this.#lay(this.#layers[0], paint, key);
  }

  /** What is on it, the same way; and the colour bar: `{ramp, ticks: [0 … 1, text][], label}`. */
  base(paint, { bar = null, key = null } = {}) {
    this.#bar = bar;
    this.#lay(this.#layers[1], paint, key);
  }

  #lay(layer, paint, key) {
    if (key !== null && key === layer.key) return;
    Object.assign(layer, { paint, key, stale: true });
    this.#ask();
  }

  /** What is above. */
  top(paint) {
    this.#paintTop = paint;
    this.#ask();
  }

  /** Paints all of it again. */
  redraw() {
    for (const layer of this.#layers) layer.stale = true;
    this.#ask();
  }

  /** Paints what is above again. */
  refresh() {
    this.#ask();
  }

  label(text) {
    if (this.#canvas.getAttribute('aria-label') !== text) this.#canvas.setAttribute('aria-label', text);
  }

  /** However often it is asked for, it is drawn once a frame. */
  #ask() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    if (document.hidden) return;
    this.#fit();
    if (this.#size <= LEFT + RIGHT) return;
    const context = this.#canvas.getContext('2d');
    const theme = this.theme();
    this.#layers.forEach((layer, i) => {
      if (!layer.stale) return;
      layer.stale = false;
      const below = layer.canvas.getContext('2d');
      below.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
      below.clearRect(0, 0, this.#size, this.#size + this.room);
      this.#clip(below, () => layer.paint(below, this.frame, theme));
      if (i === this.#layers.length - 1) this.#axes(below, theme);
    });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    for (const { canvas } of this.#layers) context.drawImage(canvas, 0, 0);
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    this.#clip(context, () => this.#paintTop(context, this.frame, theme));
  }

  /** As many pixels as the screen has. */
  #fit() {
    const unit = scaleOf(this.#canvas.ownerDocument.documentElement);
    const size = this.#canvas.clientWidth / unit;
    const ratio = Math.min(2, devicePixelRatio || 1) * unit;
    if (size === this.#size && ratio === this.#ratio) return;
    [this.#size, this.#unit, this.#ratio] = [size, unit, ratio];
    const height = size - LEFT - RIGHT + TOP + BOTTOM + this.room;
    for (const canvas of [this.#canvas, ...this.#layers.map((layer) => layer.canvas)]) {
      canvas.width = Math.round(size * ratio);
      canvas.height = Math.round(height * ratio);
    }
    for (const layer of this.#layers) layer.stale = true;
  }

  #clip(context, paint) {
    const { left, top, side } = this.frame;
    context.save();
    context.beginPath();
    context.rect(left, top, side, side);
    context.clip();
    paint();
    context.restore();
  }

  #axes(context, theme) {
    const { left, top, side, view } = this.frame;
    context.strokeStyle = theme.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, side - 1, side - 1);
    context.fillStyle = theme.soft;
    context.font = `11px ${theme.font}`;
    const step = tickStep(view.extent);
    const ticks = (centre) => {
      const first = Math.ceil((centre - view.extent) / step);
      const last = Math.floor((centre + view.extent) / step);
      return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
    };
    context.beginPath();
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const value of ticks(view.centre[0])) {
      const x = left + (side * (value - view.centre[0] + view.extent)) / (2 * view.extent);
      context.moveTo(x, top + side);
      context.lineTo(x, top + side - 4);
      context.fillText(minus(value), x, top + side + 5);
    }
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const value of ticks(view.centre[1])) {
      const y = top + side - (side * (value - view.centre[1] + view.extent)) / (2 * view.extent);
      context.moveTo(left, y);
      context.lineTo(left + 4, y);
      context.fillText(minus(value), left - 5, y);
    }
    context.strokeStyle = theme.soft;
    context.stroke();
    if (this.#bar) this.#scale(context, theme);
  }

  /** The colour bar, below the axis, with its ticks and its unit. */
  #scale(context, theme) {
    const { left, top, side } = this.frame;
    const { ramp, ticks, label } = this.#bar;
    const [y, height, width] = [top + side + BOTTOM + 4, 7, side * 0.5];
    for (let i = 0; i < 64; i++) {
      const at = 4 * Math.round((i * 255) / 63);
      context.fillStyle = `rgb(${ramp[at]} ${ramp[at + 1]} ${ramp[at + 2]})`;
      context.fillRect(left + (i * width) / 64, y, width / 64 + 0.5, height);
    }
    context.strokeStyle = theme.line;
    context.strokeRect(left + 0.5, y - 0.5, width, height + 1);
    context.fillStyle = theme.soft;
    context.textBaseline = 'top';
    const shown = width < 115 ? [ticks[0], ticks.at(-1)] : ticks;
    shown.forEach(([place, text], i) => {
      context.textAlign = i === 0 ? 'left' : place > 0.98 ? 'right' : 'center';
      context.fillText(text, left + place * width, y + height + 2);
    });
    context.textAlign = 'right';
    context.fillText(label, left + side, y - 2);
  }
}

/** 1, 2 or 5 of a power of ten, three to seven of which fit. */
function tickStep(extent) {
  const rough = extent / 2;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].findLast((digit) => digit * power <= rough * 1.001) ?? 1);
}

const minus = (value) => format(value).replace('-', '−');
