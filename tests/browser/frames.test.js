// The scrubber's frames: a budget of bytes, thinned evenly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, Frames } from '../../web/page/frames.js';

const SIZE = { n: 4, width: 28, height: 28 };
/** RGBA of the samples and of the estimates. */
const BYTES = 2 * 4 * SIZE.n * SIZE.width * SIZE.height;

function run(steps, budget, look = () => {}) {
  const frames = new Frames(budget);
  const open = new Set();
  for (let index = 1; index <= steps; index++) {
    open.add(index);
    frames.push({ ...SIZE, index, close: () => assert.ok(open.delete(index), `step ${index} was closed twice`) });
    look(frames, index, open);
  }
  return frames;
}

const indices = (frames) => Array.from({ length: frames.length }, (_, i) => frames.at(i).index);

test('a long run stays within its budget, evenly, with its first and its newest step', () => {
  for (const room of [2, 3, 7, 64]) {
    let widest = 0;
    run(1000, room * BYTES, (frames, index, open) => {
      const kept = indices(frames);
      widest = Math.max(widest, kept.length);
      assert.ok(kept.length <= Math.max(2, room), `${kept.length} of ${room} at step ${index}`);
      assert.equal(kept[0], 1);
      assert.equal(kept.at(-1), index);
      // Every stride-th, and the newest wherever it is.
      const { stride } = frames;
      assert.ok(Number.isInteger(Math.log2(stride)));
      assert.deepEqual(kept.slice(0, -1), kept.slice(0, -1).map((_, i) => 1 + i * stride));
      assert.ok(kept.at(-1) - (kept.at(-2) ?? 1) <= stride);
      // What is not kept was closed, and nothing else.
      assert.deepEqual([...open], kept);
    });
    assert.equal(widest, Math.max(2, room), 'the budget is used');
  }
});

test('a run that fits is kept whole', () => {
  const fits = Math.floor(BUDGET / BYTES);
  assert.equal(BUDGET, 64 * 2 ** 20);
  assert.equal(run(fits, BUDGET).length, fits);
  assert.equal(run(fits + 1, BUDGET).stride, 2);
});

test('a shown step is found again after the thinning', () => {
  const frames = run(100, 16 * BYTES);
  assert.equal(frames.at(frames.find(1)).index, 1);
  assert.equal(frames.at(frames.find(50)).index, indices(frames).find((index) => index >= 50));
  assert.equal(frames.find(1000), frames.length - 1);
});

test('a new run closes the old one’s frames', () => {
  let left;
  const frames = run(10, BUDGET, (_, __, open) => (left = open));
  frames.clear();
  assert.equal(left.size, 0);
  assert.equal(frames.length, 0);
  assert.equal(frames.stride, 1);
});
