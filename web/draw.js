// A batch of images as one picture: a grid, row by row, as near a square as it gets.

/** Columns of a grid of `n` images when nobody says. */
export const columnsOf = (n) => Math.ceil(Math.sqrt(n));

/** A canvas' longest side that every browser takes. */
const MAX_SIDE = 8192;

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
  const rows = Math.ceil(n / columns);
  const full = { width: columns * (width + gap) - gap, height: rows * (height + gap) - gap };
  // Setting a size clears the canvas, even to the same size.
  if (canvas.width !== full.width * scale || canvas.height !== full.height * scale) {
    canvas.width = full.width * scale;
    canvas.height = full.height * scale;
  }
  const context = canvas.getContext('2d');
  if (!context) return;
  context.imageSmoothingEnabled = false;
  // A scaled picture would show between the tiles.
  if (scale > 1) context.clearRect(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < n; i++) put(context, i, (i % columns) * (width + gap), Math.floor(i / columns) * (height + gap));
  if (scale > 1) {
    context.globalCompositeOperation = 'copy';
    context.drawImage(canvas, 0, 0, full.width, full.height, 0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
  }
}

/** A step's pictures as a GPU has drawn them: tiles in a bitmap, the samples in `rows` rows, the estimates in as many below. */
export class Sheet {
  #bitmap;
  #columns;
  #rows;
  #tile;

  constructor({ bitmap, columns, rows }, { n, width, height }) {
    this.#bitmap = bitmap;
    this.#columns = columns;
    this.#rows = rows;
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
  draw(canvas, kind, options) {
    const { width, height } = this.#tile;
    const top = kind === 'denoised' ? this.#rows : 0;
    lay(canvas, this.#tile, options, (context, i, x, y) => {
      const from = [(i % this.#columns) * width, (top + Math.floor(i / this.#columns)) * height];
      context.drawImage(this.#bitmap, ...from, width, height, x, y, width, height);
    });
  }

  /** One kind's RGBA, samples first: read back now. */
  pixels(kind) {
    const { n, width, height } = this.#tile;
    // One tile a row, so that the rows of pixels are the samples'; a strip of canvases, for there is a limit to their height.
    const most = Math.max(1, Math.floor(MAX_SIDE / height));
    const pixels = new Uint8ClampedArray(4 * n * width * height);
    for (let first = 0; first < n; first += most) {
      const count = Math.min(most, n - first);
      const strip = new OffscreenCanvas(width, count * height);
      const context = strip.getContext('2d', { willReadFrequently: true });
      context.imageSmoothingEnabled = false;
      const top = kind === 'denoised' ? this.#rows : 0;
      for (let i = 0; i < count; i++) {
        const at = first + i;
        const from = [(at % this.#columns) * width, (top + Math.floor(at / this.#columns)) * height];
        context.drawImage(this.#bitmap, ...from, width, height, 0, i * height, width, height);
      }
      pixels.set(context.getImageData(0, 0, width, count * height).data, 4 * first * width * height);
    }
    return pixels;
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
