// A batch of images as one picture: a grid, row by row, as near a square as it gets.

import { known, named, number, wrong } from './check.js';
import { ScorefieldError } from './errors.js';

const LAYOUT = ['columns', 'gap', 'scale'];

/** Columns of a grid of `n` images when nobody says. */
export const columnsOf = (n) => Math.ceil(Math.sqrt(n));

/**
 * Draws a frame into a canvas, one canvas pixel an image pixel; CSS scales it (`image-rendering: pixelated`).
 *
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas its width and height are set
 * @param {{pixels: Uint8ClampedArray, n: number, width: number, height: number}} frame RGBA, samples first
 * @param {{columns?: number, gap?: number, scale?: number}} [options] `gap` in image pixels, `scale` in canvas pixels
 */
export function draw(canvas, frame, options) {
  const { pixels, n, width, height } = checkFrame(frame);
  const bytes = width * height * 4;
  lay(canvas, { n, width, height }, layoutOf(options, n), (context, i, x, y) => {
    context.putImageData(new ImageData(pixels.subarray(i * bytes, (i + 1) * bytes), width, height), x, y);
  });
}

function checkFrame(frame) {
  const { pixels, n, width, height } = named('frame', frame, FRAME);
  for (const [name, value] of Object.entries({ n, width, height }))
    number(`frame.${name}`, value, { least: 1, whole: true });
  if (!(pixels instanceof Uint8ClampedArray))
    throw wrong('frame.pixels', pixels, `a Uint8ClampedArray of RGBA, as of ${FRAME}`);
  const bytes = 4 * n * width * height;
  if (pixels.length !== bytes) throw wrong('frame.pixels', `${pixels.length} bytes`, `4·n·width·height = ${bytes}`);
  return frame;
}

const FRAME = '{ pixels: step.pixels(), n: step.n, width: step.width, height: step.height }';

/** Where tiles go, with defaults for what is not said. */
function layoutOf(options, n) {
  const given = named('options', options, '{ scale: 4 }');
  known(given, LAYOUT);
  const { columns = columnsOf(n), gap = 1, scale = 1 } = given;
  number('columns', columns, { least: 1, whole: true });
  number('gap', gap, { least: 0, whole: true });
  number('scale', scale, { least: 1, most: 1000 });
  return { columns, gap, scale };
}

/** Lays out `n` tiles, each put by `put(context, index, x, y)`. */
function lay(canvas, { n, width, height }, { columns, gap, scale }, put) {
  const full = sides({ n, width, height }, columns, gap);
  const context = open(canvas, full, scale);
  for (let i = 0; i < n; i++) put(context, i, (i % columns) * (width + gap), Math.floor(i / columns) * (height + gap));
  if (scale > 1) {
    context.globalCompositeOperation = 'copy';
    context.drawImage(canvas, 0, 0, full.width, full.height, 0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
  }
}

function sides({ n, width, height }, columns, gap) {
  return { width: columns * (width + gap) - gap, height: Math.ceil(n / columns) * (height + gap) - gap };
}

/** The context of a canvas of `full`'s size, `scale` times. A canvas that has none is left as it is. */
function open(canvas, full, scale) {
  const context = contextOf(canvas);
  const [width, height] = [Math.round(full.width * scale), Math.round(full.height * scale)];
  // Setting a size clears the canvas, even to the same size.
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.imageSmoothingEnabled = false;
  // A scaled picture would show between the tiles.
  if (scale > 1) context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

function contextOf(canvas) {
  if (typeof canvas?.getContext !== 'function') throw wrong('canvas', canvas, 'a canvas element or an OffscreenCanvas');
  let context = null;
  let problem = 'it has a context of another kind (WebGL, WebGPU or bitmaprenderer)';
  try {
    context = canvas.getContext('2d');
  } catch (error) {
    problem = error.message;
  }
  if (context) return context;
  throw new ScorefieldError('setting', `the canvas cannot be drawn on: ${problem}`, {
    remedy: 'give a canvas of its own',
  });
}

/** How often GPUs, and what they held, were lost in this page. */
let losses = 0;

/** Frames that GPUs have drawn until now, and that nobody has kept, are gone. */
export function forgetGpu() {
  losses += 1;
}

/**
 * A step's pictures as a GPU has drawn them on a bitmap: the samples in a grid, and the estimates in another one below.
 */
export class Sheet {
  /** The GPU's bitmap, or a canvas in memory. */
  #picture;
  #isKept = false;
  #born = losses;
  #columns;
  #gap;
  #top;
  #tile;

  constructor({ bitmap, columns, rows, gap }, { n, width, height }) {
    this.#picture = bitmap;
    this.#columns = columns;
    this.#gap = gap;
    this.#top = { x: 0, denoised: rows * (height + gap) };
    this.#tile = { n, width, height };
  }

  get closed() {
    return this.#picture === null;
  }

  /** Whether it went with its GPU. */
  get lost() {
    return !this.#isKept && this.#born !== losses;
  }

  close() {
    if (!this.#isKept) this.#picture?.close();
    this.#picture = null;
  }

  /** Copies the picture off the GPU. */
  keep() {
    if (this.#isKept || this.lost) return;
    const { width, height } = this.#picture;
    const canvas = new OffscreenCanvas(width, height);
    // Read often: browsers keep it in memory.
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(this.#picture, 0, 0);
    // Now, while the bitmap is there.
    context.getImageData(0, 0, 1, 1);
    this.close();
    this.#picture = canvas;
    this.#isKept = true;
  }

  /** Draws one kind as {@link draw} does; nothing where it is lost. */
  draw(canvas, kind, options) {
    const { n, width, height } = this.#tile;
    const layout = layoutOf(options, n);
    const { columns, gap, scale } = layout;
    if (this.lost) return;
    const top = this.#top[kind];
    if (columns === this.#columns && gap === this.#gap) {
      // As it is: in one piece, since each piece may cost a canvas without a GPU a readback.
      const full = sides(this.#tile, columns, gap);
      const context = open(canvas, full, scale);
      context.drawImage(this.#picture, 0, top, full.width, full.height, 0, 0, canvas.width, canvas.height);
      return;
    }
    lay(canvas, this.#tile, layout, (context, i, x, y) => {
      const [left, down] = this.#at(i);
      context.drawImage(this.#picture, left, top + down, width, height, x, y, width, height);
    });
  }

  /** One kind's RGBA, samples first: read back now. */
  pixels(kind) {
    const { n, width, height } = this.#tile;
    const full = sides(this.#tile, this.#columns, this.#gap);
    const context = new OffscreenCanvas(full.width, full.height).getContext('2d', { willReadFrequently: true });
    context.drawImage(this.#picture, 0, -this.#top[kind]);
    const { data } = context.getImageData(0, 0, full.width, full.height);
    const pixels = new Uint8ClampedArray(4 * n * width * height);
    for (let i = 0; i < n; i++) {
      const [left, down] = this.#at(i);
      for (let y = 0; y < height; y++) {
        const from = 4 * ((down + y) * full.width + left);
        pixels.set(data.subarray(from, from + 4 * width), 4 * (i * height + y) * width);
      }
    }
    return pixels;
  }

  /** Where tile `i` is in its grid. */
  #at(i) {
    const { width, height } = this.#tile;
    return [(i % this.#columns) * (width + this.#gap), Math.floor(i / this.#columns) * (height + this.#gap)];
  }
}

/**
 * A frame as a PNG file; in a page or in a worker.
 *
 * @returns {Promise<Blob>}
 */
export async function toPng(frame, options) {
  const layout = { scale: 8, ...named('options', options, '{ scale: 4 }') };
  const inPage = typeof document !== 'undefined';
  const canvas = inPage ? document.createElement('canvas') : new OffscreenCanvas(1, 1);
  draw(canvas, frame, layout);
  const blob = inPage
    ? await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
    : await canvas.convertToBlob().catch(() => null);
  if (blob) return blob;
  const remedy = 'use a smaller scale, or fewer samples';
  throw new ScorefieldError(
    'setting',
    `a picture of ${canvas.width} × ${canvas.height} pixels is too large for this browser`,
    { remedy },
  );
}
