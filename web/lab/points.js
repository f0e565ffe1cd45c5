// Points of the reader's own: of a CSV or NPY file, of a picture whose dark pixels are the density, drawn by hand. What
// cannot be read says where and how to mend it.

import { ScorefieldError } from '../api/errors.js';
import { cut } from '../page/words.js';
import { uniform } from './random.js';

/** Fewer say nothing of a distribution; more than the most are more than a page should hold. */
const [LEAST, MOST] = [8, 200_000];
/** Points that are drawn from a picture, and the longer side that it is read at. */
const [DRAWN, PIXELS] = [20_000, 256];
/** Half-width of the square that pictures and drawings fill. */
export const HALF = 4;

const wrong = (what, where, remedy) => new ScorefieldError('data', what, { where, remedy });

/** Rows of two from a file, by its name's ending. */
export async function readPoints(file, seed) {
  if (/\.npy$/i.test(file.name)) return checked(readNpy(await file.arrayBuffer(), file.name), file.name);
  if (/\.(csv|tsv|txt)$/i.test(file.name)) return checked(readCsv(await file.text(), file.name), file.name);
  if (file.type.startsWith('image/') || /\.(png|jpe?g|webp|gif|svg|bmp|avif)$/i.test(file.name))
    return readPicture(file, seed);
  throw wrong('this kind of file has no points', file.name, 'drop a CSV or NPY file of points, or a picture');
}

/** Enough of them, all finite, and not all in one place. */
export function checked(points, where) {
  const n = points.length / 2;
  if (n === 0)
    throw wrong(
      'there are no points',
      where,
      where === 'the drawing' ? 'draw some in panel a first' : 'use a file with rows of two numbers',
    );
  if (n < LEAST)
    throw wrong(
      `${n} point${n === 1 ? ' is' : 's are'} too few`,
      where,
      `use at least ${LEAST}; some hundreds say more of a distribution`,
    );
  if (n > MOST) throw wrong(`${n} points are too many`, where, `use at most ${MOST}`);
  const bad = points.findIndex((value) => !Number.isFinite(value) || Math.abs(value) > 1e6);
  if (bad >= 0)
    throw wrong(`${points[bad]} in row ${Math.floor(bad / 2) + 1}`, where, 'use finite numbers of a size up to 1e6');
  const spread = [0, 1].map((d) => points.some((value, i) => i % 2 === d && value !== points[d]));
  if (!spread[0] && !spread[1]) throw wrong('all points are in one place', where, 'use points that differ');
  return points;
}

/** Two numbers a line, with commas, semicolons, tabs or spaces between them; the first line may be a heading. */
export function readCsv(text, name) {
  const points = [];
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const cells = line.trim().split(/\s*[,;\t]\s*|\s+/);
    const numbers = cells.map((cell) => (cell === '' ? NaN : Number(cell)));
    const where = `${name}, line ${i + 1}`;
    if (numbers.every(Number.isNaN) && points.length === 0 && i === 0) return;
    if (cells.length !== 2)
      throw wrong(
        `${cells.length} column${cells.length === 1 ? '' : 's'}, not two`,
        where,
        'give two numbers a line: x, y',
      );
    const bad = numbers.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw wrong(`“${cut(cells[bad], 40)}” is not a number`, where, 'give two numbers a line: x, y');
    points.push(...numbers);
  });
  if (points.length === 0) throw wrong('there are no numbers', name, 'give two numbers a line: x, y');
  return Float32Array.from(points);
}

/** NumPy's array of [n, 2], float32 or float64. */
export function readNpy(buffer, name) {
  const bytes = new Uint8Array(buffer);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== '\x93NUMPY' || bytes.length < 12) throw wrong('this is no NPY file', name, 'save it with numpy.save');
  const view = new DataView(buffer);
  const wide = bytes[6] >= 2;
  const start = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder('latin1').decode(bytes.subarray(wide ? 12 : 10, start));
  const [, kind] = /'descr': *'([^']*)'/.exec(header) ?? [];
  const shape = (/'shape': *\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((part) => part.trim())
    .map(Number);
  const save = 'save it with numpy.save(file, points.astype(numpy.float32))';
  if (kind !== '<f4' && kind !== '<f8') throw wrong(`its numbers are ${kind ?? 'unknown'}`, name, save);
  if (!/'fortran_order': *False/.test(header))
    throw wrong('its columns come first', name, 'save numpy.ascontiguousarray(points)');
  if (shape.length !== 2 || shape[1] !== 2)
    throw wrong(`its shape is (${shape.join(', ')})`, name, 'save an array of shape (n, 2)');
  const size = kind === '<f4' ? 4 : 8;
  if (bytes.length - start < 2 * shape[0] * size) throw wrong('it ends too soon', name, save);
  const read = size === 4 ? (i) => view.getFloat32(start + 4 * i, true) : (i) => view.getFloat64(start + 8 * i, true);
  return Float32Array.from({ length: 2 * shape[0] }, (_, i) => read(i));
}

/** Points from a picture: each in a pixel that is chosen by its darkness, evenly within it. */
async function readPicture(file, seed) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch (cause) {
    throw new ScorefieldError('data', 'this picture cannot be read', {
      where: file.name,
      remedy: 'use a PNG or JPEG file',
      cause,
    });
  }
  const scale = PIXELS / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  return sampled(context.getImageData(0, 0, width, height), file.name, seed);
}

/** Points by the darkness of RGBA pixels. */
export function sampled({ data, width, height }, name, seed) {
  const dark = Float64Array.from({ length: width * height }, (_, i) => {
    return 1 - (0.2126 * data[4 * i] + 0.7152 * data[4 * i + 1] + 0.0722 * data[4 * i + 2]) / 255;
  });
  const least = dark.reduce((a, b) => Math.min(a, b));
  const most = dark.reduce((a, b) => Math.max(a, b));
  if (most - least < 0.02)
    throw wrong('this picture is of one colour', name, 'use one with dark shapes on a light ground');
  // The lightest tone is the ground, of no density.
  let total = 0;
  const sums = dark.map((value) => (total += value - least));
  const draw = uniform(seed);
  const points = new Float32Array(2 * DRAWN);
  const unit = (2 * HALF) / Math.max(width, height);
  for (let n = 0; n < DRAWN; n++) {
    const wanted = draw() * total;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    points[2 * n] = ((low % width) + draw() - width / 2) * unit;
    points[2 * n + 1] = (height / 2 - Math.floor(low / width) - draw()) * unit;
  }
  return points;
}

/** The most points of a drawing: an address can still hold them. */
export const MOST_DRAWN = 400;

/** A drawing as a text for an address: a byte a coordinate, in base64 for URLs. */
export function encode(points) {
  const bytes = Array.from(points, (value) => Math.round(((value + HALF) / (2 * HALF)) * 255));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** The drawing that a text is; empty where it is none. */
export function decode(text) {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const even = Math.min(bytes.length - (bytes.length % 2), 2 * MOST_DRAWN);
    return Float32Array.from({ length: even }, (_, i) => (bytes.charCodeAt(i) / 255) * 2 * HALF - HALF);
  } catch {
    return new Float32Array();
  }
}
