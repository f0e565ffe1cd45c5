// A mixture's TOML file as a model: its exact score on both devices against the formula, and what is no mixture.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser({ gpu: true });
const server = await useServer();

const POINTS = [2, 0, -2, 1, 0.3, -0.7, 0, 0.5, -4, 3, 5, 5];

/** tests/reference/mixture2d.toml at VP's t, by hand. */
function exact([x, y], t) {
  const alpha = Math.exp(-0.25 * t * t * 19.9 - 0.05 * t);
  const parts = [
    { weight: 0.6, mean: [2, 0], std: [0.5, 0.5] },
    { weight: 0.4, mean: [-2, 1], std: [0.2, 0.4] },
  ].map(({ weight, mean, std }) => {
    const away = [x - alpha * mean[0], y - alpha * mean[1]];
    const variance = std.map((s) => alpha ** 2 * s ** 2 + 1 - alpha ** 2);
    const log = Math.log(weight) - 0.5 * (away[0] ** 2 / variance[0] + away[1] ** 2 / variance[1] + Math.log(variance[0] * variance[1]));
    return { log, score: away.map((a, i) => -a / variance[i]) };
  });
  const most = Math.max(...parts.map(({ log }) => log));
  const shares = parts.map(({ log }) => Math.exp(log - most));
  return [0, 1].map((i) => parts.reduce((sum, { score }, k) => sum + shares[k] * score[i], 0) / (shares[0] + shares[1]));
}

for (const device of ['cpu', 'webgpu']) {
  test(`the score is exact: ${device}`, async () => {
    const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
    const found = await page.evaluate(
      async ([origin, device, x]) => {
        const { load } = await import(`${origin}/scorefield.js`);
        const model = await load(`${origin}/tests/reference/mixture2d.toml`, { device });
        const { kind, shape, classes } = model;
        const score = async (t, label) => [...(await model.score(new Float32Array(x), t, label))];
        const result = { kind, shape, classes, device: model.device, scores: [await score(0.05), await score(0.5)], own: await score(0.5, 1) };
        for await (const step of model.sample({ steps: 5, n: 4, label: 1, guidance: 2 })) result.nfe = step.nfe;
        model.dispose();
        // The same file as bytes has no name to go by.
        const bytes = await (await fetch(`${origin}/tests/reference/mixture2d.toml`)).arrayBuffer();
        const again = await load(bytes, { device });
        result.again = again.shape;
        again.dispose();
        return result;
      },
      [server.origin, device, POINTS],
    );
    assert.deepEqual([found.kind, found.shape, found.classes, found.device], ['mixture', [1, 1, 2], ['component 0', 'component 1'], device]);
    assert.deepEqual(found.again, [1, 1, 2]);
    [0.05, 0.5].forEach((t, at) => {
      for (let i = 0; i < POINTS.length; i += 2) {
        exact(POINTS.slice(i, i + 2), t).forEach((value, j) => {
          // f32 rounding of x over the smallest variance there, 0.04, at sizes of up to 100; the GPU's own exp.
          const error = Math.abs(found.scores[at][i + j] - value) / Math.max(1, Math.abs(value));
          assert.ok(error < 2e-5, `t = ${t}: ${found.scores[at][i + j]} is not ${value}`);
        });
      }
    });
    // Component 1 alone: −(x − α·m)/(α²s² + 1 − α²).
    const alpha2 = Math.exp(-0.5 * 0.25 * 19.9 - 0.05);
    found.own.forEach((value, i) => {
      const [mean, std] = i % 2 ? [1, 0.4] : [-2, 0.2];
      const own = -(POINTS[i] - Math.sqrt(alpha2) * mean) / (alpha2 * std ** 2 + 1 - alpha2);
      assert.ok(Math.abs(value - own) < 1e-5, `label 1: ${value} is not ${own}`);
    });
    // The default sampler's 5 and the final denoising, each at twice the price.
    assert.equal(found.nfe, 12);
    await page.context().close();
  });
}

for (const device of ['cpu', 'webgpu']) {
  test(`so is that of full covariances: ${device}`, async () => {
    const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
    const found = await page.evaluate(
      async ([origin, device, x]) => {
        const { load } = await import(`${origin}/scorefield.js`);
        const text =
          'weights = [1, 1]\nmeans = [[0, 0], [1, -1]]\ncovariances = [[[1, 0], [0, 1]], [[1, 0.6], [0.6, 0.8]]]\n' +
          '[process]\nkind = "vp"\nbeta_min = 0.1\nbeta_max = 20.0\n';
        const model = await load(new TextEncoder().encode(text), { device });
        const own = [...(await model.score(new Float32Array(x), 0.2, 1))];
        model.dispose();
        return own;
      },
      [server.origin, device, POINTS],
    );
    // −S⁻¹(x − α·m), S = α²C + (1 − α²)·1.
    const alpha = Math.exp(-0.25 * 0.04 * 19.9 - 0.05 * 0.2);
    const [a, b, c] = [1, 0.6 * alpha ** 2, 1 - 0.2 * alpha ** 2];
    for (let i = 0; i < POINTS.length; i += 2) {
      const [u, v] = [POINTS[i] - alpha, POINTS[i + 1] + alpha];
      const own = [(b * v - c * u) / (a * c - b * b), (b * u - a * v) / (a * c - b * b)];
      // f32 rounding in a basis of axes, at sizes of up to 10.
      own.forEach((value, j) => assert.ok(Math.abs(found[i + j] - value) < 1e-5, `${found[i + j]} is not ${value}`));
    }
    await page.context().close();
  });
}

test('a file without a name is told by the first line that says something, as the engine tells it', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const inline = '\n# Two\r\nprocess = { kind = "vp" }\nweights = [1]\nmeans = [[0, 0]]\nstds = [1]';
  server.routes['other/mine'] = (_, response) => response.end(`${'# A long heading\n'.repeat(100)}${inline}`);
  const found = await page.evaluate(
    async ([origin, inline]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const kindOf = (source) =>
        load(source, { device: 'cpu' }).then(
          (model) => (model.dispose(), model.kind),
          ({ code, remedy }) => `${code}: ${remedy}`,
        );
      const texts = [inline, '# A heading\n\nand text', '[1, 2] and so on'];
      const blobs = await Promise.all(texts.map((text) => kindOf(new Blob([text]))));
      return [await kindOf(`${origin}/other/mine`), ...blobs];
    },
    [server.origin, inline],
  );
  delete server.routes['other/mine'];
  const refused = 'not-weights: give a .safetensors file written by scorefield train, or a mixture’s .toml file';
  assert.deepEqual(found, ['mixture', 'mixture', refused, refused]);
  await page.context().close();
});

test('what is no mixture says which field is wrong', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const problems = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const texts = ['weights = [1, -1]\nmeans = [[0], [1]]\nstds = [1, 1]', 'weights = [1', 'meaning = 42, the file said'];
    const found = [];
    for (const text of texts) {
      const file = new File([text], 'mine.toml');
      found.push(await load(file, { device: 'cpu' }).then(() => 'loaded', ({ code, message }) => `${code}: ${message}`));
    }
    return found;
  }, server.origin);
  assert.match(problems[0], /^weights: .*weights\[1\] = -1: expected a positive/);
  assert.match(problems[1], /^weights: .*mine\.toml/s);
  assert.match(problems[2], /^weights: .*mine\.toml/s);
  await page.context().close();
});
