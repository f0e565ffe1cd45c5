// Names are promises: the types, the page and the command line name the same things.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schema } from '../../web/api/schema.js';
import * as lab from '../../web/api/lab.js';
import * as api from '../../web/api/scorefield.js';
import { command } from './native.js';
import { root } from './server.js';

const types = readFileSync(join(root, 'web', 'api', 'scorefield.d.ts'), 'utf8');
const settingTypes = readFileSync(join(root, 'web', 'api', 'settings.d.ts'), 'utf8');
const strings = (text) => [...text.replaceAll(/\/\*\*.*?\*\//gs, '').matchAll(/'([^']+)'/g)].map(([, name]) => name);

test('what scorefield.js and lab.js export is what their types declare', () => {
  const declared = (text) => [...text.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name).sort();
  assert.deepEqual(Object.keys(api).sort(), declared(types));
  assert.deepEqual(Object.keys(lab).sort(), declared(readFileSync(join(root, 'web', 'api', 'lab.d.ts'), 'utf8')));
});

test('the types and the command line know the samplers of the schema', () => {
  const [file, first] = command();
  const list = execFileSync(file, [...first, 'sample', '--list-samplers'], { cwd: root, encoding: 'utf8' });
  const native = list.trim().split('\n').map((line) => line.trim().split(/\s+/)[0]);
  const names = schema.samplers.map(({ name }) => name);
  assert.deepEqual(native, names);
  assert.deepEqual(strings(/type SamplerName =([\s\S]+?);\n/.exec(settingTypes)[1]), names);
});

test('every choice, range and default of the schema is the command line’s', () => {
  const [file, first] = command();
  const printed = (...flags) => execFileSync(file, [...first, 'schema', ...flags], { cwd: root, encoding: 'utf8' });
  assert.equal(printed(), readFileSync(join(root, 'web', 'api', 'schema.js'), 'utf8'));
  assert.equal(printed('--typescript'), settingTypes);
});

test('every settings field of the types is a flag of the command line', () => {
  const [file, first] = command();
  const help = execFileSync(file, [...first, 'sample', '--help'], { cwd: root, encoding: 'utf8' });
  const body = /export interface Settings \{([\s\S]*?)\n\}/.exec(settingTypes)[1];
  const fields = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
  assert.ok(fields.length > 10);
  for (const field of fields) assert.match(help, new RegExp(`--${field.replaceAll('_', '-')}\\b`), field);
});

test('every error code that the package throws is in its types', () => {
  const codes = strings(/type ErrorCode =([\s\S]+?);/.exec(types)[1]);
  const folders = ['api', 'worker', 'page', 'lab'].map((name) => join(root, 'web', name));
  const all = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  const files = all.filter((file) => file.endsWith('.js'));
  const thrown = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/ScorefieldError\('([\w-]+)'/g)]);
  const rust = [...readFileSync(join(root, 'src', 'error.rs'), 'utf8').matchAll(/Self::\w+ \{ \.\. \} => "([\w-]+)"/g)];
  assert.ok(thrown.length > 10 && rust.length > 5);
  for (const [, code] of [...thrown, ...rust]) assert.ok(codes.includes(code), code);
});
