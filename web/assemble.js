// Lays the built site out. Public names, which stay, are at its root: index.html, lab.html, scorefield.js,
// scorefield.d.ts, lab.html, lab.js, lab.d.ts, models/.
// All else is in one folder whose name is a hash of what it holds: after a redeployment no cache can combine one
// version's scripts with another's WebAssembly.
//
//   node web/assemble.js STAGING
//       What trunk has put into the folder STAGING, in place; trunk's hook runs it, with TRUNK_STAGING_DIR for STAGING.
//       Of a folder that is laid out already it changes nothing.
//   node web/assemble.js --engines DIR --out DIST
//       All of DIST anew, without a Rust build: the engines from DIR (NAME.js and NAME_bg.wasm of engine, engine-gpu and
//       engine-training; or a DIST to take them from), the rest from the sources.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Folders of web/ whose files are internal. */
const PARTS = ['api', 'worker', 'page', 'lab'];
const ENGINES = ['engine', 'engine-gpu', 'engine-training'].flatMap((name) => [`${name}.js`, `${name}_bg.wasm`]);
/** What may be there besides: wasm-bindgen's types, and scripts of its crates. */
const EXTRAS = /^(engine.*\.d\.ts|snippets)$/;
/** The pages, with what each refers to in its head; the last is the module that brings it to life. */
const PAGES = {
  'index.html': ['page/controls.css', 'page/style.css', 'page/page.js'],
  'lab.html': ['page/controls.css', 'page/style.css', 'lab/style.css', 'lab/lab.js'],
};
/** What others import, with its types. */
const MODULES = ['scorefield', 'lab'];
const PUBLIC = [...Object.keys(PAGES), ...MODULES.flatMap((name) => [`${name}.js`, `${name}.d.ts`]), 'models'];
const VERSION = /^v-[0-9a-f]{12}$/;

/** The name of a laid out site's folder of internal files. */
export function version(site) {
  const names = existsSync(site) ? readdirSync(site).filter((name) => VERSION.test(name)) : [];
  if (names.length !== 1) throw new Error(`${site} has ${names.length} folders v-…: one is expected`);
  return names[0];
}

/** Lays `site` out in place, from what trunk has put there; gives the folder's name. */
export function layOut(site) {
  if (PARTS.every((part) => !existsSync(join(site, part)))) {
    const name = version(site);
    check(site, name);
    if (hash(join(site, name)) !== name) throw new Error(`${join(site, name)} was changed: its name is not its hash`);
    return name;
  }
  const inside = join(site, 'v-new');
  rmSync(inside, { recursive: true, force: true });
  const internal = readdirSync(site).filter((name) => !PUBLIC.includes(name) && !VERSION.test(name));
  mkdirSync(inside);
  for (const name of internal) renameSync(join(site, name), join(inside, name));
  check(site, 'v-new');
  const name = hash(inside);
  for (const old of readdirSync(site).filter((old) => VERSION.test(old))) rmSync(join(site, old), { recursive: true });
  renameSync(inside, join(site, name));
  // Types are found beside the script that they are of.
  for (const module of MODULES) {
    for (const ending of ['js', 'd.ts']) writeFileSync(join(site, `${module}.${ending}`), `export * from './${name}/api/${module}.js';\n`);
  }
  for (const [page, files] of Object.entries(PAGES)) {
    const html = readFileSync(join(site, page), 'utf8');
    writeFileSync(join(site, page), refer(page, html, files, site, name));
  }
  return name;
}

/** A whole site at `out` from the sources and the engines in `engines`; gives the internal folder's name. */
export function assemble({ engines, out }) {
  const from = existsSync(join(engines, ENGINES[0])) ? engines : join(engines, version(engines));
  need(from, ENGINES);
  if (existsSync(out) && readdirSync(out).length && !existsSync(join(out, 'scorefield.js'))) {
    throw new Error(`${out} is no earlier site: it is not replaced`);
  }
  const site = `${resolve(out)}.new`;
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  const copied = [...ENGINES, ...readdirSync(from).filter((name) => EXTRAS.test(name))];
  for (const name of copied) cpSync(join(from, name), join(site, name), { recursive: true });
  for (const name of [...PARTS, 'models']) cpSync(join(root, 'web', name), join(site, name), { recursive: true });
  // What trunk makes of it.
  for (const page of Object.keys(PAGES)) {
    const html = readFileSync(join(root, page), 'utf8').replaceAll(/^ *<link data-trunk .*\n/gm, '');
    writeFileSync(join(site, page), html);
  }
  const name = layOut(site);
  rmSync(out, { recursive: true, force: true });
  renameSync(site, out);
  return name;
}

/** A page with its references into the folder, and a preload for each module: in one go rather than level by level. */
function refer(page, html, files, site, name) {
  for (const file of files) {
    if (!html.includes(`"${file}"`)) throw new Error(`${page} does not refer to "${file}"`);
    html = html.replaceAll(`"${file}"`, `"${name}/${file}"`);
  }
  const preloads = imported(join(site, name, files.at(-1))).map((file) => {
    return `  <link rel="modulepreload" href="${relative(site, file).replaceAll(sep, '/')}">\n`;
  });
  if (!html.includes('</head>')) throw new Error(`${page} has no </head>`);
  return html.replace('</head>', () => `${preloads.join('')}</head>`);
}

const STATIC = /^(?:import|export)\s+(?:[\w$*{},\s]+\sfrom\s+)?'(\.[^']+)'/gm;
const OTHERS = /\bimport\('(\.[^']+)'\)|\bnew URL\('(\.[^']+)', import\.meta\.url\)/g;

/** The files that a module's text names, as paths. */
function named(file, ...patterns) {
  const text = readFileSync(file, 'utf8');
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, a, b]) => join(dirname(file), a ?? b)));
}

/** What a module imports and what that imports, nearest first. */
function imported(entry) {
  const found = new Set([entry]);
  for (const file of found) for (const next of named(file, STATIC)) found.add(next);
  return [...found].slice(1);
}

/** Everything that must be there is, with all that the modules name. */
function check(site, name) {
  need(site, [...Object.keys(PAGES), 'models/index.json']);
  need(join(site, name), [...PARTS, ...ENGINES, ...MODULES.flatMap((name) => [`api/${name}.js`, `api/${name}.d.ts`]), 'api/settings.d.ts', 'page/controls.css', 'page/style.css', 'lab/style.css']);
  for (const part of PARTS) {
    for (const file of files(join(site, name, part)).filter((file) => file.endsWith('.js'))) {
      const lost = named(file, STATIC, OTHERS).find((other) => !existsSync(other));
      if (lost) throw new Error(`${relative(site, lost)} is missing: ${relative(site, file)} needs it`);
    }
  }
}

function need(folder, names) {
  for (const name of names) if (!existsSync(join(folder, name))) throw new Error(`${join(folder, name)} is missing`);
}

/** The files under a folder, in the order of their paths. */
function files(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const found = entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
  return found.sort();
}

/** A folder's name by what it holds: paths and contents. */
function hash(folder) {
  const sum = createHash('sha256');
  for (const file of files(folder)) {
    const path = relative(folder, file).replaceAll(sep, '/');
    sum.update(`${path}\0${createHash('sha256').update(readFileSync(file)).digest('hex')}\n`);
  }
  return `v-${sum.digest('hex').slice(0, 12)}`;
}

function main(args) {
  if (args.length === 4 && args[0] === '--engines' && args[2] === '--out') {
    return assemble({ engines: args[1], out: args[3] });
  }
  const [site = process.env.TRUNK_STAGING_DIR] = args;
  if (args.length > 1 || !site || site.startsWith('-')) {
    throw new Error('usage: node web/assemble.js STAGING | --engines DIR --out DIST');
  }
  return layOut(site);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(main(process.argv.slice(2)));
  } catch (error) {
    console.error(`assemble: ${error.message}`);
    process.exitCode = 1;
  }
}
