// A small plot on a canvas: lines over an axis that is linear or logarithmic, or bars by category; its unit is at its
// axis, and its series are named in it.

import { format } from '../page/words.js';
import { scaleOf } from './theme.js';

const [LEFT, RIGHT, TOP, BOTTOM] = [34, 2, 7, 34];

export class Plot {
  #canvas;
  #due = false;
  #data = null;

  /** @param {{theme: () => object, signal: AbortSignal}} options */
  constructor(canvas, { theme, signal }) {
    this.#canvas = canvas;
    this.theme = theme;
    const observer = new ResizeObserver(() => this.redraw());
    observer.observe(canvas);
    signal.addEventListener('abort', () => observer.disconnect());
    document.addEventListener('visibilitychange', () => this.redraw(), { signal });
  }

  /**
   * @param {{x: {label: string, log?: boolean, labels?: string[]}, y: {label: string, log?: boolean},
   *   series: {name: string, colour: string, dash?: number[], points: [number, number][]}[]} | null} data
   *   with `labels` the x are 0, 1, 2 … and the points are bars; colours are the theme's names; null for nothing yet
   */
  show(data, label) {
    this.#data = data;
    if (label && this.#canvas.getAttribute('aria-label') !== label) this.#canvas.setAttribute('aria-label', label);
    this.redraw();
  }

  redraw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    if (document.hidden) return;
    const unit = scaleOf(this.#canvas.ownerDocument.documentElement);
    const [width, height] = [this.#canvas.clientWidth / unit, this.#canvas.clientHeight / unit];
    if (!width || !height) return;
    const ratio = Math.min(2, devicePixelRatio || 1) * unit;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== w || this.#canvas.height !== h) [this.#canvas.width, this.#canvas.height] = [w, h];
    const context = this.#canvas.getContext('2d');
    const theme = this.theme();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `11px ${theme.font}`;
    const box = { left: LEFT, top: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
    const { x, y, series } = this.#data ?? { x: { label: '' }, y: { label: '' }, series: [] };
    const shown = series.map((one) => ({
      ...one,
      points: one.points.filter(([a, b]) => usable(a, x) && usable(b, y)),
    }));
    const all = shown.flatMap(({ points }) => points);
    context.strokeStyle = theme.line;
    context.strokeRect(box.left + 0.5, box.top + 0.5, box.width - 1, box.height - 1);
    if (all.length === 0) {
      context.fillStyle = theme.soft;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.fillText('not measured yet', box.left + box.width / 2, box.top + box.height / 2);
      return;
    }
    const across = x.labels
      ? { low: -0.6, high: x.labels.length - 0.4, ticks: x.labels.map((text, i) => [i, text]) }
      : axis(
          all.map(([a]) => a),
          x.log,
        );
    const up = axis(
      all.map(([, b]) => b),
      y.log,
      Boolean(x.labels) && !y.log,
    );
    // Room for the names of bars.
    if (x.labels && shown.length > 1) up.high += 0.3 * (up.high - up.low);
    const at = (value, { low, high }, log) => ((log ? Math.log10(value) : value) - low) / (high - low);
    const px = (value) => box.left + box.width * at(value, across, x.log);
    const py = (value) => box.top + box.height * (1 - at(value, up, y.log));
    this.#axes(context, theme, box, { x, y, across, up, px, py });
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    shown.forEach((one, i) => (x.labels ? bars(one, i) : line(one)));
    context.restore();
    legend();

    function line({ points, colour, dash = [] }) {
      context.beginPath();
      points.forEach(([a, b], i) => (i ? context.lineTo(px(a), py(b)) : context.moveTo(px(a), py(b))));
      context.strokeStyle = theme[colour];
      context.lineWidth = 1.5;
      context.setLineDash(dash);
      context.stroke();
      context.setLineDash([]);
      if (points.length > 40 || dash.length) return;
      context.fillStyle = theme[colour];
      context.beginPath();
      for (const [a, b] of points) {
        context.moveTo(px(a) + 2, py(b));
        context.arc(px(a), py(b), 2, 0, 2 * Math.PI);
      }
      context.fill();
    }

    function bars({ points, colour }, i) {
      const slot = px(1) - px(0);
      const wide = Math.min(22, (0.7 * slot) / shown.length);
      context.fillStyle = theme[colour];
      for (const [a, b] of points) {
        const left = px(a) + (i - shown.length / 2) * wide;
        context.fillRect(left, py(b), wide - 1, box.top + box.height - py(b));
      }
    }

    function legend() {
      if (shown.length < 2) return;
      context.textBaseline = 'middle';
      context.textAlign = 'right';
      shown.forEach(({ name, colour, dash = [] }, i) => {
        const top = box.top + 9 + 13 * i;
        const right = box.left + box.width - 6;
        context.fillStyle = theme.ink;
        context.fillText(name, right, top);
        const end = right - context.measureText(name).width - 4;
        context.strokeStyle = theme[colour];
        context.lineWidth = 2;
        context.setLineDash(dash);
        context.beginPath();
        context.moveTo(end - 14, top);
        context.lineTo(end, top);
        context.stroke();
        context.setLineDash([]);
      });
    }
  }

  #axes(context, theme, box, { x, y, across, up, px, py }) {
    context.fillStyle = theme.soft;
    context.strokeStyle = theme.soft;
    context.lineWidth = 1;
    context.beginPath();
    context.textAlign = 'center';
    context.textBaseline = 'top';
    const bottom = box.top + box.height;
    for (const [value, text] of across.ticks) {
      if (!x.labels) {
        context.moveTo(px(value), bottom);
        context.lineTo(px(value), bottom - 4);
      }
      // Where there is little room, a range is called by its beginning.
      const fits = !x.labels || context.measureText(text).width < px(1) - px(0) - 3;
      context.fillText(fits ? text : text.split('–')[0], px(value), bottom + 4);
    }
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const [value, text] of up.ticks) {
      context.moveTo(box.left, py(value));
      context.lineTo(box.left + 4, py(value));
      context.fillText(text, box.left - 4, py(value));
    }
    context.stroke();
    context.textAlign = 'center';
    context.textBaseline = 'bottom';
    context.fillText(x.label, box.left + box.width / 2, box.top + box.height + BOTTOM);
  }
}

const usable = (value, { log }) => Number.isFinite(value) && (!log || value > 0);

/** The range of an axis and its ticks: in powers of ten, or three to six round numbers. */
function axis(values, log, fromZero = false) {
  const numbers = log ? values.map(Math.log10) : values;
  let [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (fromZero) low = Math.min(0, low);
  if (log && high - low < 1) [low, high] = [(low + high) / 2 - 0.5, (low + high) / 2 + 0.5];
  const margin = 0.06 * (high - low || Math.abs(high) || 1);
  [low, high] = [fromZero && low === 0 ? 0 : low - margin, high + margin];
  if (!log) {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough * 0.999);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++)
      ticks.push([i * step, format(i * step).replace('-', '−')]);
    return { low, high, ticks };
  }
  const every = Math.max(1, Math.ceil((high - low) / 5));
  const ticks = [];
  for (let exponent = Math.ceil(low); exponent <= high; exponent++) {
    if (exponent % every === 0) ticks.push([10 ** exponent, power(exponent)]);
  }
  if (ticks.length < 2) {
    for (const digit of [2, 3, 5]) {
      for (let exponent = Math.floor(low); exponent <= high; exponent++) {
        const value = digit * 10 ** exponent;
        if (Math.log10(value) > low && Math.log10(value) < high) ticks.push([value, format(value)]);
      }
    }
  }
  return { low, high, ticks };
}

/** A power of ten, short. */
export const power = (exponent) => (exponent >= -2 && exponent <= 3 ? format(10 ** exponent) : `10${raised(exponent)}`);

const raised = (exponent) => [...String(exponent)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit])).join('');
