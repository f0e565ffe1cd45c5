// What can be drawn in a panel of the plane: points, arrows, heat, contours and trails. Each is one path or one image,
// from typed arrays of rows: thousands of them cost a millisecond or two.

/**
 * A place in a panel of each row. `frame`: see panel.js.
 *
 * @param {Float32Array} points rows of two
 */
function placer({ left, top, side, view: { centre, extent } }) {
  const scale = side / (2 * extent);
  return {
    scale,
    x: (value) => left + side / 2 + (value - centre[0]) * scale,
    y: (value) => top + side / 2 - (value - centre[1]) * scale,
  };
}

/** Points as squares of `size` pixels. */
export function dots(context, frame, points, { colour, size = 1.5, alpha = 1 }) {
  const { x, y } = placer(frame);
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  for (let i = 0; i < points.length; i += 2) {
    context.fillRect(x(points[i]) - size / 2, y(points[i + 1]) - size / 2, size, size);
  }
  context.globalAlpha = 1;
}

/** Points as discs with a rim of the page's colour: one is drawn, the others are its image. */
export function discs(context, frame, points, { colour, rim, radius = 2.4 }) {
  const { x, y } = placer(frame);
  const half = radius + 1;
  const pen = document.createElement('canvas');
  pen.width = pen.height = Math.ceil(4 * half);
  const once = pen.getContext('2d');
  once.scale(2, 2);
  for (const [fill, r] of [
    [rim, half - 0.2],
    [colour, radius],
  ]) {
    once.beginPath();
    once.arc(half, half, r, 0, 2 * Math.PI);
    once.fillStyle = fill;
    once.fill();
  }
  for (let i = 0; i < points.length; i += 2) {
    context.drawImage(pen, x(points[i]) - half, y(points[i + 1]) - half, pen.width / 2, pen.width / 2);
  }
}

/**
 * Vectors as arrows about their points. Their lengths saturate, ℓ = cell·r/(r + unit): directions are seen everywhere.
 *
 * @param {number} cell data units between two arrows
 */
export function arrows(context, frame, points, vectors, { colour, unit, cell, width = 1 }) {
  const { x, y, scale } = placer(frame);
  const most = 0.92 * cell * scale;
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) {
    const [u, v] = [vectors[i], -vectors[i + 1]];
    const norm = Math.hypot(u, v);
    if (!(norm > 0) || !Number.isFinite(norm)) continue;
    const length = (most * norm) / (norm + unit);
    const [du, dv] = [(u / norm) * length, (v / norm) * length];
    const [x0, y0] = [x(points[i]) - du / 2, y(points[i + 1]) - dv / 2];
    const [x1, y1] = [x0 + du, y0 + dv];
    const head = Math.min(0.34, 4.5 / (length + 1e-6));
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.moveTo(x1 - head * (du + 0.55 * dv), y1 - head * (dv - 0.55 * du));
    context.lineTo(x1, y1);
    context.lineTo(x1 - head * (du - 0.55 * dv), y1 - head * (dv + 0.55 * du));
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.stroke();
}

let scratch = null;

/** k² values, rows from below, as an image that fills the panel; `ramp`: 256 colours of values 0 … 1. */
export function heat(context, frame, values, ramp) {
  const k = Math.sqrt(values.length);
  scratch ??= document.createElement('canvas');
  [scratch.width, scratch.height] = [k, k];
  const image = new ImageData(k, k);
  const [from, to] = [new Uint32Array(ramp.buffer), new Uint32Array(image.data.buffer)];
  for (let j = 0; j < k; j++) {
    for (let i = 0; i < k; i++) {
      const value = values[j * k + i];
      to[(k - 1 - j) * k + i] = from[value >= 0 ? Math.min(255, Math.floor(value * 255)) : 0];
    }
  }
  scratch.getContext('2d').putImageData(image, 0, 0);
  const { left, top, side } = frame;
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  context.imageSmoothingEnabled = true;
  context.drawImage(scratch, left, top, side, side);
  context.restore();
}

/** Around a cell: where an edge begins, and where it leads. */
const EDGES = [
  [0, 0, 1, 0],
  [1, 0, 0, 1],
  [1, 1, -1, 0],
  [0, 1, 0, -1],
];

/** Lines of equal value through k² values, rows from below, by marching squares between the cells' middles. */
export function contours(context, { left, top, side }, values, levels, { colour, width = 0.8 }) {
  const k = Math.sqrt(values.length);
  const cell = side / k;
  context.beginPath();
  for (const level of levels) {
    for (let j = 0; j + 1 < k; j++) {
      for (let i = 0; i + 1 < k; i++) segment(i, j, level);
    }
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();

  function segment(i, j, level) {
    let open = false;
    for (let e = 0; e < 4; e++) {
      const [u, v, du, dv] = EDGES[e];
      const at = values[(j + v) * k + i + u] - level;
      const next = values[(j + v + dv) * k + i + u + du] - level;
      if (at > 0 === next > 0 || !Number.isFinite(at + next)) continue;
      const share = at / (at - next);
      const px = left + (i + u + share * du + 0.5) * cell;
      const py = top + side - (j + v + share * dv + 0.5) * cell;
      if (open) context.lineTo(px, py);
      else context.moveTo(px, py);
      open = !open;
    }
  }
}

/**
 * The paths of particles up to a frame.
 *
 * @param {Float32Array[]} frames their places at each step, rows of two
 * @param {number} last the frame to end with
 * @param {number} length frames that a trail has at most
 */
export function trails(context, frame, frames, last, { colour, length, alpha }) {
  const { x, y } = placer(frame);
  const first = Math.max(0, last - length);
  if (first >= last) return;
  context.beginPath();
  for (let i = 0; i < frames[last].length; i += 2) {
    context.moveTo(x(frames[first][i]), y(frames[first][i + 1]));
    for (let f = first + 1; f <= last; f++) context.lineTo(x(frames[f][i]), y(frames[f][i + 1]));
  }
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.lineJoin = 'bevel';
  context.stroke();
  context.globalAlpha = 1;
}

/** The cross of whoever points with the keyboard. */
export function cross(context, frame, [a, b], colour) {
  const { x, y } = placer(frame);
  const [u, v] = [x(a), y(b)];
  context.beginPath();
  for (const [du, dv] of [
    [8, 0],
    [0, 8],
  ]) {
    context.moveTo(u - du, v - dv);
    context.lineTo(u + du, v + dv);
  }
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
}
