// The lab's parts without a page: names that the engine knows, addresses, measurements by closed forms.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAddress, writeAddress } from '../../web/lab/address.js';
import { configOf, samplingOf, valuesOf } from '../../web/lab/config.js';
import { History } from '../../web/lab/history.js';
import { byRegion, moments, pathLength, relative, share, sliced } from '../../web/lab/measure.js';
import { DISTRIBUTIONS, OBJECTIVES, OWN_POINTS } from '../../web/lab/objectives.js';
import { HALF, decode, encode } from '../../web/lab/points.js';
import { PRESETS } from '../../web/lab/presets.js';
import { level, timeOf } from '../../web/lab/process.js';
import { normals, square } from '../../web/lab/random.js';
import { FIELDS, applies, sideOf } from '../../web/lab/settings.js';
import { root } from './server.js';

const rust = (path) => readFileSync(join(root, path), 'utf8');

test('the objectives and distributions are the engine’s', () => {
  const kinds = [...rust('src/objective/mod.rs').matchAll(/= "([a-z-]+)", \w+Config;/g)].map(([, kind]) => kind);
  assert.ok(kinds.length > 5);
  for (const kind of kinds) assert.ok(OBJECTIVES[kind], kind);
  const names = [...rust('src/data/plane/mod.rs').matchAll(/^ {4}\w+ = "([a-z-]+)", "/gm)].map(([, name]) => name);
  assert.deepEqual(
    Object.keys(DISTRIBUTIONS)
      .filter((name) => !OWN_POINTS.includes(name))
      .sort(),
    names.sort(),
  );
});

test('every preset’s settings apply, and come back from its address', () => {
  for (const [preset, { values: own }] of Object.entries(PRESETS)) {
    const { values, problems } = readAddress(`?preset=${preset}`);
    assert.deepEqual(problems, []);
    assert.equal(writeAddress({ preset, values }), `?preset=${preset}`);
    for (const name of Object.keys(own)) {
      const applied = name.startsWith('b.')
        ? applies(name, values)
        : applies(name, sideOf(values, 'a')) || applies(name, sideOf(values, 'b'));
      assert.ok(applied, `${preset}: ${name} does not apply`);
    }
    const changed = { ...values, seed: '12', data: 'rings', width: '64' };
    const query = writeAddress({ preset, values: changed, hidden: ['loss', 'lr'], autostart: true });
    const again = readAddress(query);
    assert.deepEqual(
      [again.values.seed, again.values.data, again.values.width, again.hidden, again.autostart],
      ['12', 'rings', '64', ['loss', 'lr'], true],
    );
  }
});

test('the second field is the first but for what it has otherwise', () => {
  const { values } = readAddress(
    '?compare=on&objective=ncsn&sampler=ula&step_size=0.1&b.objective=implicit&b.sampler=mala&lr=0.01',
  );
  const [a, b] = ['a', 'b'].map((side) => configOf(sideOf(values, side)));
  assert.deepEqual(
    [a.objective.kind, a.process.kind, b.objective.kind, b.process.kind, b.model.time],
    ['ncsn', 'smld', 'implicit', 'none', { kind: 'none' }],
  );
  assert.equal(a.optimiser.lr, b.optimiser.lr);
  assert.deepEqual(samplingOf(sideOf(values, 'a')), { seed: 1, sampler: 'ula', n: 512, step_size: 0.1 });
  assert.deepEqual(samplingOf(sideOf(values, 'b')), { seed: 1, sampler: 'mala', n: 512 });
});

test('a config leads back to the settings that led to it', () => {
  for (const objective of Object.keys(OBJECTIVES)) {
    const { values } = readAddress(
      `?objective=${objective}&width=40&energy=on&lr=0.01&time=sinusoidal&data=tree&projections=3&directions=sphere&sigma=0.2&weighting=likelihood&draw=importance&variance_reduced=off`,
    );
    const config = configOf(sideOf(values, 'a'));
    assert.deepEqual(configOf(sideOf({ ...readAddress('?').values, ...valuesOf(config) }, 'a')), config);
  }
});

test('every setting has a title, and its first value is no problem', () => {
  for (const [name, { title }] of Object.entries(FIELDS)) assert.ok(title, name);
  assert.deepEqual(readAddress('?').problems, []);
});

test('the processes’ α and σ are the published ones', () => {
  // score_sde's sde_lib.py, at t = 0.1 and 0.5: VP, sub-VP, and VE from 0.01 to 50.
  const close = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-7, `${value}, not ${expected}`);
  close(level({ kind: 'vp' }, 0.1).alpha, 0.9467218);
  close(level({ kind: 'vp' }, 0.5).sigma, 0.9596542);
  close(level({ kind: 'sub-vp' }, 0.5).sigma, 0.92093619);
  close(level({ kind: 've', sigma_min: 0.01, sigma_max: 50 }, 0.5).sigma, 0.70710678);
  // DDPM's ᾱ after all steps is 4.0358e-5 (Ho et al. 2020: L_T ≈ 0).
  assert.ok(Math.abs(level({ kind: 'ddpm' }, 1).alpha ** 2 - 4.0358e-5) < 1e-8);
  close(timeOf({ kind: 'edm', sigma_max: 80 }, 20), 0.25);
});

test('distances, shares and moments of clouds are those of their laws', () => {
  const n = 20_000;
  const p = normals(2 * n, 1);
  const q = normals(2 * n, 2).map((value, i) => value + (i % 2 ? 0 : 3));
  // The mean over directions of a shift of 3: 3·2/π; 20,000 points know it to about 0.02.
  assert.ok(Math.abs(sliced(p, q) - 6 / Math.PI) < 0.05, String(sliced(p, q)));
  const { mean, std } = moments(q);
  for (const [value, expected] of [
    [mean[0], 3],
    [mean[1], 0],
    [std[0], 1],
    [std[1], 1],
  ])
    assert.ok(Math.abs(value - expected) < 0.03);
  // Φ(3) of them are right of the origin.
  assert.ok(Math.abs(share(q, [1, 0]) - 0.99865) < 0.001);
  const wide = moments(square(n, { centre: [1, -1], extent: 2 }, 3));
  assert.ok(Math.abs(wide.std[0] - 2 / Math.sqrt(3)) < 0.02 && Math.abs(wide.mean[1] + 1) < 0.03);
  assert.equal(
    pathLength(
      [
        [0, 0],
        [3, 4],
        [3, 5],
      ].map((x) => Float32Array.from(x)),
    ),
    6,
  );
});

test('errors by region are those of the points in it', () => {
  const truth = Float32Array.from([1, 0, 0, 2, 0, 4]);
  const learned = Float32Array.from([1.5, 0, 0, 2, 0, 2]);
  assert.equal(
    relative(learned, truth, (i) => i === 0),
    0.5,
  );
  assert.deepEqual(byRegion(learned, truth, Float32Array.from([0, -3, -40])), [0.5, 0, null, null, null, 0.5]);
});

test('a drawing survives its address to a byte’s step', () => {
  const points = Float32Array.from([-2, 2, 0.5, -1.25]);
  for (const [i, value] of decode(encode(points)).entries())
    assert.ok(Math.abs(value - points[i]) <= (2 * HALF) / 255 / 2 + 1e-6);
  assert.equal(decode('not base64 !').length, 0);
});

test('a history keeps its ends and an even part between', () => {
  const history = new History(8);
  for (let i = 0; i < 100; i++) history.push(i);
  assert.equal(history.at(0), 0);
  assert.equal(history.at(-1), 99);
  assert.ok(history.length <= 9 && history.length > 4);
  const gaps = history.values.slice(1, -1).map((value, i) => value - history.values[i]);
  assert.equal(new Set(gaps).size, 1);
});
