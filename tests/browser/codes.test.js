// Latent codes and log-likelihoods in the browser's CPU: against the command line, and against a mixture's closed form.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from './browser.js';
import { command } from './native.js';
import { readNpy, writeNpy } from './npy.js';
import { root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

const MIXTURE = 'tests/reference/mixture2d.toml';
/** Near the modes, between them, and out in the tails. */
const POINTS = [2, 0, -2, 1, 1.5, -0.7, 0.2, 0.5, -2.4, 0.3, 2.9, 0.8];
const D = 2;
/** Two of one mode, whose codes are a right angle apart: an arc between opposite ones leads far out. */
const ENDS = [...POINTS.slice(0, 2), ...POINTS.slice(4, 6)];
const T_END = 1e-5;

const browser = await useBrowser();
const server = await useServer();
const folder = useFolder();

/** Rows that the command line makes of rows. */
function native(name, args, values, { model = MIXTURE, d = D } = {}) {
  const [file, first] = command();
  const [from, to] = ['in.npy', 'out.npy'].map((file) => join(folder, file));
  writeFileSync(from, writeNpy(new Float32Array(values), [values.length / d, d]));
  const input = name === 'decode' ? '--codes' : '--data';
  execFileSync(file, [...first, name, '--model', model, input, from, '--npy', to, '--device', 'cpu', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  return [...readNpy(readFileSync(to)).values];
}

const farthest = (a, b) => {
  assert.equal(a.length, b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
};

/** 10·log₁₀(2²/mean squared error) of the worst sample, as `scorefield decode --compare` has it. */
function psnr(a, b, d) {
  const rows = Array.from({ length: a.length / d }, (_, i) => a.slice(i * d, (i + 1) * d).reduce((sum, value, j) => sum + (value - b[i * d + j]) ** 2, 0) / d);
  return 10 * Math.log10(4 / Math.max(...rows));
}

/** log pₜ of tests/reference/mixture2d.toml under VP, by hand. */
function logDensity([x, y], t) {
  const alpha2 = Math.exp(-0.5 * t * t * 19.9 - 0.1 * t);
  const parts = [
    { weight: 0.6, mean: [2, 0], std: [0.5, 0.5] },
    { weight: 0.4, mean: [-2, 1], std: [0.2, 0.4] },
  ].map(({ weight, mean, std }) =>
    [x, y].reduce((log, value, i) => {
      const variance = alpha2 * std[i] ** 2 - Math.expm1(Math.log(alpha2));
      return log - 0.5 * ((value - Math.sqrt(alpha2) * mean[i]) ** 2 / variance + Math.log(2 * Math.PI * variance));
    }, Math.log(weight)),
  );
  const most = Math.max(...parts);
  return most + Math.log(parts.reduce((sum, log) => sum + Math.exp(log - most), 0));
}

/** Spherical interpolation, by hand. */
function slerp(a, b, w) {
  const length = (v) => Math.hypot(...v);
  const angle = Math.acos(a.reduce((sum, value, i) => sum + value * b[i], 0) / (length(a) * length(b)));
  return a.map((value, i) => (Math.sin((1 - w) * angle) * value + Math.sin(w * angle) * b[i]) / Math.sin(angle));
}

test('a mixture’s codes lead back, and are the command line’s', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const found = await page.evaluate(
    async ([origin, path, points]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load(`${origin}/${path}`, { device: 'cpu' });
      const x = new Float32Array(points);
      const result = { back: {} };
      for (const rtol of [1e-2, 1e-5]) {
        const codes = await model.encode(x, { rtol, atol: rtol });
        result.back[rtol] = [...(await model.decode(codes, { rtol, atol: rtol }))];
        result.codes = [...codes];
      }
      const codes = new Float32Array(result.codes);
      const [first, rest] = [codes.slice(0, 2), codes.slice(2)];
      result.cool = [...(await model.decode(codes, { temperature: 0.5 }))];
      result.coolByHand = [...(await model.decode(codes.map((value) => value / 2)))];
      result.moved = [...(await model.decode(first, { from: rest.slice(0, 4), to: rest.slice(4, 6), strength: 0.5 }))];
      result.movedByHand = [...(await model.decode(first.map((value, i) => value + 0.5 * (rest[4 + i] - (rest[i] + rest[2 + i]) / 2))))];
      result.own = [...(await model.encode(x, { label: 1 }))];
      result.between = [...(await model.interpolate(x.slice(0, 2), x.slice(4, 6), { frames: 4 }))];
      // More than a batch: the rows come back in their order.
      const many = new Float32Array(70 * 2).map((_, i) => x[i % x.length]);
      result.many = [...(await model.encode(many))];
      model.dispose();
      return result;
    },
    [server.origin, MIXTURE, POINTS],
  );
  const [loose, fine] = [1e-2, 1e-5].map((rtol) => psnr(found.back[rtol], POINTS, D));
  assert.ok(fine >= 40, `${fine} dB`);
  assert.ok(fine > loose + 10, `${loose} dB at rtol 1e-2, ${fine} dB at 1e-5`);
  // f32 on both, with sums and exponentials in another order: some units in the last place of twenty steps; or steps that
  // differ, within a few times the tolerance of 1e-5.
  assert.ok(farthest(found.codes, native('encode', [], POINTS)) < 1e-4);
  assert.ok(farthest(found.between, native('interpolate', ['--frames', '4'], ENDS)) < 1e-4);
  // Component 1 alone is a Gaussian, whose flow keeps (x − α·m)/S: to the tolerance over its width of 0.2, relative to
  // codes of up to 25 deviations.
  const alpha = (t) => Math.exp(-0.25 * t * t * 19.9 - 0.05 * t);
  const own = POINTS.map((x, i) => {
    const [mean, std] = i % 2 ? [1, 0.4] : [-2, 0.2];
    const at = (t) => ({ mean: alpha(t) * mean, std: Math.sqrt(alpha(t) ** 2 * std ** 2 + 1 - alpha(t) ** 2) });
    return at(1).mean + ((x - at(T_END).mean) / at(T_END).std) * at(1).std;
  });
  found.own.forEach((code, i) => assert.ok(Math.abs(code - own[i]) < 1e-4 * Math.max(1, Math.abs(own[i])), `${code} is not ${own[i]}`));
  // The same codes but for f32's rounding of them.
  assert.ok(farthest(found.cool, found.coolByHand) < 1e-5);
  assert.ok(farthest(found.moved, found.movedByHand) < 1e-5);
  assert.equal(found.between.length, 5 * D);
  assert.ok(psnr([...found.between.slice(0, 2), ...found.between.slice(8)], ENDS, D) >= 40);
  const middle = native('decode', [], slerp(found.codes.slice(0, 2), found.codes.slice(4, 6), 0.5));
  assert.ok(farthest(found.between.slice(4, 6), middle) < 1e-4);
  // Each batch has all six points in it, and so the same steps.
  found.many.forEach((code, i) => assert.ok(Math.abs(code - found.codes[i % POINTS.length]) < 1e-5, `row ${i}`));
  await page.context().close();
});

test('a mixture’s log-likelihood is the command line’s, and the closed form’s', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const found = await page.evaluate(
    async ([origin, path, points]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load(`${origin}/${path}`, { device: 'cpu' });
      const x = new Float32Array(points);
      const { logLikelihood, ...rest } = await model.logLikelihood(x);
      const labelled = await model.logLikelihood(x, { label: 1 });
      const result = { type: logLikelihood.constructor.name, log: [...logLikelihood], ...rest, codes: [...(await model.encode(x))], own: [...labelled.logLikelihood] };
      model.dispose();
      return result;
    },
    [server.origin, MIXTURE, POINTS],
  );
  assert.equal(found.type, 'Float64Array');
  // The command line integrates the same closed form: f32's rounding of some nats in another order, over twenty steps.
  assert.ok(farthest(found.log, native('likelihood', [], POINTS)) < 1e-4);
  found.log.forEach((log, i) => {
    const [point, [u, v]] = [POINTS, found.codes].map((rows) => rows.slice(i * D, i * D + D));
    // The flow starts from N(0, 1), not from the marginal at t = 1, whose mean is off by α·2 = 0.013.
    const prior = -0.5 * (u * u + v * v) - Math.log(2 * Math.PI);
    const exact = logDensity(point, T_END) + prior - logDensity([u, v], 1);
    // The solver's tolerance of 1e-5 a dimension, which the saddle between the modes amplifies.
    assert.ok(Math.abs(log - exact) < 1e-3, `${point}: ${log} is not ${exact}`);
    assert.ok(Math.abs(log - logDensity(point, 0)) < 1e-2 + 0.0132 * Math.hypot(u, v), `${point}: ${log} against the data’s`);
  });
  // Component 1 alone at its mean: −ln(2π·0.2·0.4), and the prior as above.
  assert.ok(Math.abs(found.own[1] + Math.log(2 * Math.PI * 0.08)) < 1e-2, `${found.own[1]}`);
  const mean = found.log.reduce((sum, log) => sum + log, 0) / found.log.length;
  assert.ok(Math.abs(found.bitsPerDim + mean / (D * Math.LN2)) < 1e-9);
  assert.ok(found.nfe > 50, 'six evaluations a step');
  const { process, steps, rejected, prior_std, ...protocol } = found.protocol;
  assert.deepEqual(protocol, {
    estimate: 'probability flow, exact divergence',
    divergence: 'exact',
    ends: [T_END, 1],
    rtol: 1e-5,
    atol: 1e-5,
    dequantisation: 'none',
    offset: 0,
    dimensions: D,
    batch: POINTS.length / D,
  });
  assert.equal(process.kind, 'vp');
  assert.ok(Math.abs(prior_std - 1) < 1e-4);
  // One to begin with, one for the first step's size, six a step.
  assert.equal(found.nfe, 2 + 6 * (steps + rejected));
  await page.context().close();
});

test('the shipped model’s codes lead back, under a short watchdog, and an abort leaves the worker be', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const found = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'cpu' });
    let deaths = 0;
    model.addEventListener('recover', () => (deaths += 1));
    let last;
    for await (const step of model.sample({ steps: 18, n: 2, seed: 3, label: 8, values: true, every: 100 })) last = step;
    const x = last.values('denoised');
    const begin = performance.now();
    const codes = await model.encode(x, { label: 8 });
    const ms = performance.now() - begin;
    // About as long again, but not without a sign of life: an evaluation takes a hundredth of it.
    model._timeout = ms / 2;
    const back = await model.decode(codes, { label: 8 });
    model._timeout = 120_000;
    const result = { x: [...x], codes: [...codes], back: [...back], ms };
    const abort = new AbortController();
    const pending = model.encode(x, { signal: abort.signal }).then(() => 'encoded', (error) => `${error.code} ${error.name}`);
    setTimeout(() => abort.abort(), ms / 4);
    result.aborted = await pending;
    const since = performance.now();
    await model.score(x.slice(0, 784), 0.5);
    result.answered = performance.now() - since;
    result.early = await model.decode(codes, { signal: abort.signal }).then(() => 'decoded', (error) => error.code);
    const likelihood = await model.logLikelihood(x, { label: 8, rtol: 1e-3, atol: 1e-3, seed: 4, probes: 2 });
    result.likelihood = { ...likelihood, logLikelihood: [...likelihood.logLikelihood] };
    result.pixels = await model.encode(new Float32Array(784).fill(200)).then(() => 'encoded', ({ code, message }) => `${code}: ${message}`);
    result.deaths = deaths;
    model.dispose();
    return result;
  }, server.origin);
  const d = 784;
  const decibels = psnr(found.back, found.x, d);
  assert.ok(decibels >= 40, `${decibels} dB`);
  // Codes of samples are draws of N(0, 1), whose mean square over 2·784 values is within 0.15 of 1 (four standard
  // errors of √(2/1568)); samples that have been denoised lack some of the noise that they should have at t_end.
  const square = found.codes.reduce((sum, value) => sum + value * value, 0) / found.codes.length;
  assert.ok(square > 0.8 && square < 1.2, `mean square ${square}`);
  assert.equal(found.deaths, 0);
  assert.equal(found.aborted, 'aborted AbortError');
  assert.equal(found.early, 'aborted');
  // Not the whole of the encoding, which was dropped after a step of six evaluations.
  assert.ok(found.answered < found.ms / 2, `${found.answered} ms of ${found.ms}`);
  assert.match(found.pixels, /^setting: x = values from 200 to 200.*images in \[-1, 1\]/);
  // By gradients, on an engine of their own, with the same counted probes as natively; the solver's steps are the same, and
  // its sums of f32 in another order are of the size of its tolerance at most.
  const settings = ['--label', '8', '--rtol', '1e-3', '--atol', '1e-3', '--seed', '4', '--probes', '2'];
  const expected = native('likelihood', settings, found.x, { model: 'fashion', d });
  const { logLikelihood, protocol } = found.likelihood;
  assert.deepEqual([protocol.divergence, protocol.probes, protocol.dimensions], ['hutchinson', 2, d]);
  assert.ok(farthest(logLikelihood, expected) < 1e-3 * d, `${logLikelihood} ${expected}`);
  await page.context().close();
});

test('what is asked wrongly gets an error with a remedy', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const problems = await page.evaluate(
    async ([origin, path]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load(`${origin}/${path}`, { device: 'cpu' });
      const x = new Float32Array([1, 0]);
      const tries = {
        length: () => model.encode(new Float32Array(3)),
        none: () => model.decode(new Float32Array()),
        type: () => model.encode([1, 0]),
        rtol: () => model.encode(x, { rtol: 0 }),
        nan: () => model.encode(x, { atol: NaN }),
        t_end: () => model.decode(x, { t_end: 2 }),
        label: () => model.encode(x, { label: 2 }),
        unknown: () => model.encode(x, { steps: 3 }),
        temperature: () => model.decode(x, { temperature: 11 }),
        half: () => model.decode(x, { from: x }),
        frames: () => model.interpolate(x, x, { frames: 0 }),
        rows: () => model.interpolate(new Float32Array(4), x),
        divergence: () => model.logLikelihood(x, { divergence: 'trace' }),
        probes: () => model.logLikelihood(x, { divergence: 'hutchinson', probes: 0 }),
      };
      const found = {};
      for (const [name, attempt] of Object.entries(tries)) {
        found[name] = await attempt().then(() => 'done', ({ name, code, what, remedy }) => `${name} ${code}: ${what}; ${remedy}`);
      }
      model.dispose();
      return found;
    },
    [server.origin, MIXTURE],
  );
  const expected = {
    length: /x = 3 numbers; expected a multiple of 2$/,
    none: /codes = 0 numbers; expected a multiple of 2$/,
    type: /x = \[1, 0\]; expected a Float32Array/,
    rtol: /rtol = 0; expected a number from 1e-12 to 1$/,
    nan: /atol = NaN; expected a finite number$/,
    t_end: /t_end = 2; expected/,
    label: /label = 2; expected 0 … 1$/,
    unknown: /steps = 3; expected another name: one of label, rtol, atol, t_end$/,
    temperature: /temperature = 11; expected a number from 0 to 10$/,
    half: /to = null; expected a Float32Array/,
    frames: /frames = 0; expected a whole number from 1 to 1000$/,
    rows: /a and b = 3 samples; expected one sample each$/,
    divergence: /trace.*expected/,
    probes: /probes = 0; expected 1 to/,
  };
  for (const [name, pattern] of Object.entries(expected)) {
    assert.match(problems[name], /^ScorefieldError setting: /, name);
    assert.match(problems[name], pattern, name);
  }
  await page.context().close();
});

test('codes on WebGPU are the CPU’s, and lead back', async () => {
  const gpu = await useBrowser({ gpu: true });
  try {
    const page = await open(gpu, `${server.origin}/tests/browser/blank.html`);
    const found = await page.evaluate(
      async ([origin, path, points]) => {
        const { load } = await import(`${origin}/scorefield.js`);
        const found = {};
        let image;
        for (const device of ['cpu', 'webgpu']) {
          const mixture = await load(`${origin}/${path}`, { device });
          const codes = await mixture.encode(new Float32Array(points));
          const back = await mixture.decode(codes);
          mixture.dispose();
          const network = await load('fashion', { device });
          if (!image) for await (const step of network.sample({ steps: 10, n: 1, seed: 3, label: 8, values: true, every: 100 })) image = step.values('denoised');
          // Few steps: SwiftShader takes a tenth of a second an evaluation.
          const own = await network.encode(image, { label: 8, rtol: 0.1, atol: 0.1 });
          network.dispose();
          found[device] = { device: network.device, codes: [...codes], back: [...back], own: [...own] };
        }
        return found;
      },
      [server.origin, MIXTURE, POINTS],
    );
    assert.equal(found.webgpu.device, 'webgpu');
    // As between the browser's CPU and the command line: another exp, sums in another order, twenty steps.
    assert.ok(farthest(found.webgpu.codes, found.cpu.codes) < 1e-4, `${farthest(found.webgpu.codes, found.cpu.codes)}`);
    assert.ok(psnr(found.webgpu.back, POINTS, D) >= 40);
    // Scores differ by 1e-4 of the largest (agree.test.js); codes have a standard deviation of 1.
    assert.ok(farthest(found.webgpu.own, found.cpu.own) < 1e-3, `${farthest(found.webgpu.own, found.cpu.own)}`);
    await page.context().close();
  } finally {
    await gpu.close();
  }
});
