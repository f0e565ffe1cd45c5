// A batch of images as one picture: a grid, row by row, as near a square as it gets.

/** Columns of a grid of `n` images when nobody says. */
export const columnsOf = (n) => Math.ceil(Math.sqrt(n));

/**
 * Draws a frame into a canvas, one canvas pixel an image pixel; CSS scales it (`image-rendering: pixelated`).
 *
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas its width and height are set
 * @param {{pixels: Uint8ClampedArray, n: number, width: number, height: number}} frame RGBA, samples first
 * @param {{columns?: number, gap?: number, scale?: number}} [options] `gap` in image pixels, `scale` in canvas pixels
 */
export function draw(canvas, { pixels, n, width, height }, options) {
  const bytes = width * height * 4;
  lay(canvas, { n, width, height }, options, (context, i, x, y) => {
    context.putImageData(new ImageData(pixels.subarray(i * bytes, (i + 1) * bytes), width, height), x, y);
  });
}

/** Lays out `n` tiles, each put by `put(context, index, x, y)`. */
function lay(canvas, { n, width, height }, { columns = columnsOf(n), gap = 1, scale = 1 } = {}, put) {
  const full = sides({ n, width, height }, columns, gap);
  const context = open(canvas, full, scale);
  if (!context) return;
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

/** The context of a canvas of `full`'s size, `scale` times. */
function open(canvas, full, scale) {
  // Setting a size clears the canvas, even to the same size.
  if (canvas.width !== full.width * scale || canvas.height !== full.height * scale) {
    canvas.width = full.width * scale;
    canvas.height = full.height * scale;
  }
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.imageSmoothingEnabled = false;
  // A scaled picture would show between the tiles.
  if (scale > 1) context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

/** A step's pictures as a GPU has drawn them on a bitmap: the samples in a grid, and the estimates in another one below. */
export class Sheet {
  #bitmap;
  #columns;
  #gap;
  #top;
  #tile;

  constructor({ bitmap, columns, rows, gap }, { n, width, height }) {
    this.#bitmap = bitmap;
    this.#columns = columns;
    this.#gap = gap;
    this.#top = { x: 0, denoised: rows * (height + gap) };
    this.#tile = { n, width, height };
  }

  /** Whether its bitmap is gone. */
  get closed() {
    return this.#bitmap === null;
  }

  close() {
    this.#bitmap?.close();
    this.#bitmap = null;
  }

  /** Draws one kind as {@link draw} does. */
  draw(canvas, kind, options = {}) {
    const { n, width, height } = this.#tile;
    const { columns = columnsOf(n), gap = 1, scale = 1 } = options;
    const top = this.#top[kind];
    if (columns === this.#columns && gap === this.#gap) {
      // As it is: in one piece, since each piece may cost a canvas without a GPU a readback.
      const full = sides(this.#tile, columns, gap);
      const context = open(canvas, full, scale);
      context?.drawImage(this.#bitmap, 0, top, full.width, full.height, 0, 0, canvas.width, canvas.height);
      return;
    }
    lay(canvas, this.#tile, options, (context, i, x, y) => {
      const [left, down] = this.#at(i);
      context.drawImage(this.#bitmap, left, top + down, width, height, x, y, width, height);
    });
  }

  /** One kind's RGBA, samples first: read back now. */
  pixels(kind) {
    const { n, width, height } = this.#tile;
    const full = sides(this.#tile, this.#columns, this.#gap);
    const context = new OffscreenCanvas(full.width, full.height).getContext('2d', { willReadFrequently: true });
    context.drawImage(this.#bitmap, 0, -this.#top[kind]);
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
 * A frame as a PNG file.
 *
 * @returns {Promise<Blob>}
 */
export async function toPng(frame, { scale = 8, ...options } = {}) {
  const canvas = document.createElement('canvas');
  draw(canvas, frame, { ...options, scale });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture is too large for a PNG'))), 'image/png');
  });
}
