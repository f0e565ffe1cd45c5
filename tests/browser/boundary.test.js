// What callers may hand over: two steps asked for at once, classes by their names, canvases and numbers of the wrong
// kind.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from './browser.js';
import { root } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();

/** A page with `window.model` and, for what is to throw or reject, `window.said`. */
async function loaded() {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  await page.evaluate(async (origin) => {
    window.scorefield = await import(`${origin}/scorefield.js`);
    window.model = await window.scorefield.load('fashion', { device: 'cpu', workers: 2 });
    window.said = async (attempt) => {
      try {
        return `no error: ${await attempt()}`;
      } catch (error) {
        return `${error.name} ${error.code}: ${error.message}`;
      }
    };
  }, server.origin);
  return page;
}

test('steps that are asked for at once come one after another', async () => {
  const page = await loaded();
  const found = await page.evaluate(async () => {
    const settings = { sampler: 'euler', steps: 3, n: 2, seed: 5 };
    const straight = [];
    for await (const step of window.model.sample(settings)) straight.push(`${step.index}: ${step.pixels()}`);
    const it = window.model.sample(settings)[Symbol.asyncIterator]();
    const asked = await Promise.all([it.next(), it.next(), it.next(), it.next(), it.next(), it.next()]);
    // A run that ends while steps are asked for ends all of them.
    const other = window.model.sample({ ...settings, steps: 500 })[Symbol.asyncIterator]();
    const left = [other.next(), other.next(), other.next()];
    await left[0];
    await other.return();
    return {
      straight,
      asked: asked.map(({ done, value }) => (done ? 'done' : `${value.index}: ${value.pixels()}`)),
      left: (await Promise.all(left)).map(({ done }) => done),
    };
  });
  assert.deepEqual(found.asked, [...found.straight, 'done', 'done']);
  assert.equal(found.left[0], false);
  assert.equal(found.left[2], true);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('a class by its name is the class by its number', async () => {
  const page = await loaded();
  const found = await page.evaluate(async () => {
    const { model } = window;
    const x = new Float32Array(784).fill(0.1);
    const scores = [];
    for (const label of [8, 'Bag', 'bag']) scores.push(String(await model.score(x, 0.5, label)));
    const pictures = [];
    for (const label of [8, 'Bag'])
      for await (const step of model.sample({ sampler: 'euler', steps: 1, n: 1, label }))
        pictures.push(String(step.pixels()));
    return {
      classes: model.classes,
      scores: new Set(scores).size,
      pictures: pictures[1] === pictures[3],
      none: String(await model.score(x, 0.5)) === scores[0],
    };
  });
  assert.equal(found.classes[8], 'Bag');
  assert.deepEqual([found.scores, found.pictures, found.none], [1, true, false]);
  await page.context().close();
});

test('numbers and names of the wrong kind are refused as they were given', async () => {
  const page = await loaded();
  const cases = await page.evaluate(async () => {
    const { model, said, scorefield } = window;
    const x = new Float32Array(784);
    const nan = Float32Array.from(x, (_, i) => (i === 5 ? NaN : 0));
    const run = (settings) =>
      said(async () => {
        for await (const step of model.sample({ steps: 1, n: 1, sampler: 'euler', ...settings }))
          if (step.done) return 'done';
      });
    const found = [];
    const add = async (expected, error) => found.push([expected, await error]);
    for (const call of ['encode', 'decode', 'logLikelihood']) {
      const name = call === 'decode' ? 'codes' : 'x';
      await add(
        `${name}[5] = NaN; expected a finite number`,
        said(() => model[call](nan)),
      );
    }
    await add(
      'x[5] = NaN; expected a finite number',
      said(() => model.score(nan, 0.5)),
    );
    await add(
      'b[783] = Infinity; expected a finite number',
      said(() =>
        model.interpolate(
          x,
          Float32Array.from(x, (_, i) => (i === 783 ? Infinity : 0)),
        ),
      ),
    );
    await add(
      'x = 783 numbers; expected a multiple of 784',
      said(() => model.score(x.slice(1), 0.5)),
    );
    await add(
      'x = undefined; expected a Float32Array',
      said(() => model.score()),
    );
    await add(
      'x = Float64Array; expected a Float32Array',
      said(() => model.score(new Float64Array(784), 0.5)),
    );
    for (const [t, text] of [
      [NaN, 'NaN'],
      ['0.5', '"0.5"'],
      [2, '2'],
      [undefined, 'undefined'],
      [null, 'null'],
    ]) {
      await add(
        `t = ${text}; expected a finite number from 0 to 1`,
        said(() => model.score(x, t)),
      );
    }
    for (const [label, text] of [
      ['hat', '"hat"; expected 0 … 9, or the name of one class: T-shirt/top, Trouser'],
      [1.5, '1.5; expected 0 … 9'],
      [-1, '-1; expected 0 … 9'],
      [10, '10; expected 0 … 9'],
      [true, 'true; expected 0 … 9'],
      ['', '""; expected 0 … 9'],
    ]) {
      await add(
        `label = ${text}`,
        said(() => model.score(x, 0.5, label)),
      );
      await add(
        `label = ${text}`,
        said(() => model.encode(x, { label })),
      );
      await add(`label = ${text}`, run({ label }));
    }
    await add('seed = 7n; expected a number (without the n)', run({ seed: 7n }));
    await add('steps = NaN; expected a finite number', run({ steps: NaN }));
    await add('steps = a function; expected a number, a string', run({ steps: () => 3 }));
    await add('times = [1, NaN]; expected a list of finite numbers', run({ times: [1, NaN] }));
    await add('times = Float32Array; expected an array', run({ times: Float32Array.of(1, 0.5) }));
    await add('every = 0; expected a whole number from 1', run({ every: 0 }));
    await add('signal = Object; expected an AbortSignal', run({ signal: {} }));
    await add(
      'settings = "heun"; expected an object, such as',
      said(() => model.sample('heun')),
    );
    await add(
      'options = 3; expected an object, such as',
      said(() => model.encode(x, 3)),
    );
    await add(
      'temperature = "1"; expected a finite number',
      said(() => model.decode(x, { temperature: '1' })),
    );
    await add(
      'frames = "8"; expected a finite number',
      said(() => model.interpolate(x, x, { frames: '8' })),
    );
    const { load } = scorefield;
    await add(
      'devise = "cpu"; expected no other options than device, signal',
      said(() => load('fashion', { devise: 'cpu' })),
    );
    await add(
      'onProgress = 3; expected a function',
      said(() => load('fashion', { onProgress: 3 })),
    );
    await add(
      'timeout = "1"; expected a finite number from 0',
      said(() => load('fashion', { timeout: '1' })),
    );
    await add(
      'allowForeign = "no"; expected true or false',
      said(() => load('fashion', { allowForeign: 'no' })),
    );
    await add(
      'maxBytes = 0; expected a finite number from 1',
      said(() => load('fashion', { maxBytes: 0 })),
    );
    return found;
  });
  for (const [expected, said] of cases)
    assert.ok(said.startsWith(`ScorefieldError setting: ${expected}`), `${said}\nexpected ${expected}`);
  // And the workers live on.
  assert.equal(await page.evaluate(async () => (await window.model.score(new Float32Array(784), 0.5)).length), 784);
  await page.context().close();
});

test('a listener that throws is its owner’s, and loading goes on', async () => {
  const page = await loaded();
  const found = await page.evaluate(async () => {
    const model = await window.scorefield.load('fashion', {
      device: 'cpu',
      workers: 1,
      onProgress: () => {
        throw new Error('mine');
      },
    });
    return model.device;
  });
  assert.equal(found, 'cpu');
  assert.ok(page.errors.length > 0 && page.errors.every((error) => /mine/.test(error)), page.errors.join('\n'));
  await page.context().close();
});

test('a canvas that cannot be drawn on is refused, and left as it is', async () => {
  const page = await loaded();
  const found = await page.evaluate(async () => {
    const { model, said } = window;
    let step;
    for await (const next of model.sample({ sampler: 'euler', steps: 1, n: 4 })) step = next;
    const other = document.createElement('canvas');
    other.getContext('bitmaprenderer');
    const given = document.createElement('canvas');
    given.transferControlToOffscreen();
    const frame = { pixels: step.pixels(), n: 4, width: 28, height: 28 };
    const canvas = document.createElement('canvas');
    const errors = {
      'another context': await said(() => step.draw(other)),
      'given away': await said(() => step.draw(given)),
      'no canvas': await said(() => step.draw(document.querySelector('#none'))),
      gap: await said(() => step.draw(canvas, { gap: -1 })),
      columns: await said(() => step.draw(canvas, { columns: 1.5 })),
      scale: await said(() => window.scorefield.draw(canvas, frame, { scale: '4' })),
      kind: await said(() => step.draw(canvas, { kind: 'y' })),
      unknown: await said(() => step.draw(canvas, { scales: 4 })),
      frame: await said(() => window.scorefield.draw(canvas, { ...frame, n: 5 })),
      step: await said(() => window.scorefield.toPng(step)),
    };
    return { errors, size: [other.width, other.height], untouched: [canvas.width, canvas.height] };
  });
  const expected = {
    'another context':
      /the canvas cannot be drawn on: it has a context of another kind \(WebGL.*give a canvas of its own/,
    'given away': /the canvas cannot be drawn on: .*give a canvas of its own/,
    'no canvas': /canvas = null; expected a canvas element or an OffscreenCanvas/,
    gap: /gap = -1; expected a whole number from 0/,
    columns: /columns = 1.5; expected a whole number from 1/,
    scale: /scale = "4"; expected a finite number from 1 to 1000/,
    kind: /kind = "y"; expected x or denoised/,
    unknown: /scales = 4; expected no other options than columns, gap, scale/,
    frame: /frame.pixels = "12544 bytes"; expected 4·n·width·height = 15680/,
    step: /frame = Step; expected an object, such as \{ pixels: step.pixels\(\)/,
  };
  for (const [name, pattern] of Object.entries(expected)) assert.match(found.errors[name], pattern, name);
  assert.deepEqual(found.size, [300, 150]);
  assert.deepEqual(found.untouched, [300, 150]);
  await page.context().close();
});

test('a PNG in a worker is the PNG in a page', async () => {
  const page = await loaded();
  const found = await page.evaluate(async (module) => {
    const pixels = Uint8ClampedArray.from({ length: 2 * 3 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : i * 7));
    const frame = { pixels, n: 2, width: 4, height: 3 };
    const decoded = async (blob) => {
      const bitmap = await createImageBitmap(blob);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext('2d');
      context.drawImage(bitmap, 0, 0);
      return [blob.type, bitmap.width, bitmap.height, ...context.getImageData(0, 0, bitmap.width, bitmap.height).data];
    };
    const source = `import { toPng } from ${JSON.stringify(module)}; onmessage = async ({ data }) => postMessage(await toPng(data, { scale: 2 }).catch(String));`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type: 'module' });
    const answer = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      // A module's worker hears what comes before it runs.
      worker.postMessage(frame);
    });
    worker.terminate();
    return [await decoded(answer), await decoded(await window.scorefield.toPng(frame, { scale: 2 }))];
  }, `${server.origin}/scorefield.js`);
  assert.deepEqual(found[0].slice(0, 3), ['image/png', 2 * (2 * 5 - 1), 2 * 3]);
  assert.deepEqual(found[0], found[1]);
  await page.context().close();
});

test('parts of a step are one step: the acceptance is that of all samples', async () => {
  const { join } = await import('../../web/api/run.js');
  const part = (x, acceptance, ms) => ({
    index: 3,
    nfe: 6,
    ms,
    acceptance,
    x: Uint8ClampedArray.from(x),
    denoised: Uint8ClampedArray.from(x),
  });
  const whole = join([part([1, 2], 0.5, 4), part([3], 0.8, 9)], [2, 1]);
  assert.equal(whole.acceptance, (0.5 * 2 + 0.8) / 3);
  assert.deepEqual([whole.index, whole.nfe, whole.ms, ...whole.x], [3, 6, 9, 1, 2, 3]);
  assert.equal(join([part([1]), null], [1, 1]), null);
  assert.equal(join([part([1], undefined, 1), part([2], undefined, 1)], [1, 1]).acceptance, undefined);
});

test('the scripts and the engine have one number of their boundary', async () => {
  const number = async (path, pattern) => pattern.exec(await readFile(join(root, path), 'utf8'))[1];
  const engine = await number('src/browser/engine.rs', /const BOUNDARY: u32 = (\d+);/);
  assert.equal(await number('web/worker/serve.js', /const BOUNDARY = (\d+);/), engine);
});
