// The page: the form, the address, and the figure, on top of the API that anyone's page uses.

import { Figure, format, memoryNote } from './figure.js';
import { SAMPLERS, buildForm, readAddress, readForm, showFields, writeAddress } from './settings.js';
import { ScorefieldError, load, models } from '../api/scorefield.js';

// This script does not wait for the page's first picture, but for its elements.
if (document.readyState === 'loading') await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve));

const $ = (selector) => document.querySelector(selector);
const form = $('#settings');
const status = $('#status');
const progress = $('#progress');
const figure = new Figure();

/** The chosen weights: a shipped model's name, an address, or a File. */
let source = null;
/** The loaded model and what it was loaded from. */
let loaded = null;
/** A load that began before its source was known, so that the engine starts meanwhile. */
let early = null;
let run = null;
let abort = null;
/** An address of another origin that came with the link and that the visitor has not agreed to. */
let unasked = null;

start();

async function start() {
  buildForm(form);
  const problems = readAddress(form);
  $('#memory-note').textContent = memoryNote;
  $('#origin').textContent = new URL('../../', import.meta.url).href;
  figure.placeholder(count(), 28, 28);
  listen();
  const autostart = new URLSearchParams(location.search).get('autostart') === '1';
  const listed = listModels();
  if (autostart && !isForeign(new URLSearchParams(location.search).get('model'))) early = begin(listed.then(chosen));
  await listed;
  if (problems.length) {
    show(new ScorefieldError('setting', problems.join('; '), { where: 'the address of this page', remedy: 'those settings have their defaults' }));
  }
  setState('idle');
  if (autostart) generate();
}

async function listModels() {
  const asked = new URLSearchParams(location.search).get('model');
  const select = form.elements.model;
  try {
    for (const model of await models()) {
      select.add(new Option(model.title, model.name, model.default, model.default));
    }
  } catch (error) {
    show(error);
  }
  if (asked) {
    if (!Array.from(select.options).some((option) => option.value === asked)) select.add(new Option(asked, asked));
    select.value = asked;
    if (isForeign(asked)) unasked = asked;
  }
  source = select.value || null;
}

function isForeign(text) {
  try {
    return /[/.:]/.test(text) && new URL(text, document.baseURI).origin !== location.origin;
  } catch {
    return false;
  }
}

function listen() {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    generate();
  });
  form.addEventListener('change', ({ target }) => {
    if (target.name === 'sampler') showFields(form);
    if (target.name === 'steps') target.dataset.chosen = 'yes';
    if (target.name === 'show') figure.kind = target.value;
    if (target.name === 'model' && target.value !== '') setSource(target.value);
    if (target.id === 'file' && target.files[0]) takeFile(target.files[0]);
    remember();
  });
  form.elements.n.addEventListener('input', () => {
    if (!figure.current) figure.placeholder(count(), 28, 28);
  });
  $('#reseed').addEventListener('click', () => {
    form.elements.seed.value = Math.floor(Math.random() * 1e6);
    generate();
  });
  $('#pause').addEventListener('click', togglePause);
  $('#cancel').addEventListener('click', cancel);
  $('#png').addEventListener('click', downloadPng);
  $('#copy').addEventListener('click', copyLink);
  $('#dismiss').addEventListener('click', () => ($('#error').hidden = true));
  $('#ask-yes').addEventListener('click', () => {
    $('#ask').hidden = true;
    unasked = null;
    generate();
  });
  $('#ask-no').addEventListener('click', () => ($('#ask').hidden = true));
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && abort) cancel();
  });
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('dropping', depth > 0);
  };
  document.addEventListener('dragenter', () => over(1));
  document.addEventListener('dragleave', () => over(-1));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    over(-depth);
    const file = event.dataTransfer.files[0];
    if (file) takeFile(file);
  });
}

function count() {
  return Math.min(1024, Math.max(1, form.elements.n.valueAsNumber || 16));
}

function remember() {
  writeAddress(form, { model: typeof source === 'string' ? source : null, show: form.elements.show.value });
}

function setSource(next) {
  source = next;
  unasked = null;
  form.elements.label.value = '';
}

function takeFile(file) {
  const select = form.elements.model;
  for (const option of Array.from(select.options)) if (option.dataset.file) option.remove();
  const option = new Option(`${file.name} (your file)`, '');
  option.dataset.file = 'yes';
  select.add(option);
  option.selected = true;
  setSource(file);
  generate();
}

/** What was chosen, or an error. */
function chosen() {
  if (early) early.source = source;
  if (source === null) throw new ScorefieldError('not-found', 'no model is chosen', { remedy: 'choose a model or drop a weights file on the page' });
  return source;
}

/** Begins to load a model, or one that a promise will name. */
function begin(source) {
  const device = form.elements.device.value;
  const controller = new AbortController();
  const model = load(source, { device, signal: controller.signal, onProgress: onLoading });
  // Whoever awaits it hears of errors; it may be dropped before.
  model.catch(() => {});
  return { source, device, model, abort: () => controller.abort() };
}

/** The model of the form, loaded once. */
async function ensureModel(signal) {
  const device = form.elements.device.value;
  if (loaded && loaded.source === source && loaded.device === device) return loaded.model;
  loaded?.model.dispose();
  loaded = null;
  setState('loading');
  const begun = early?.source === source && early.device === device ? early : begin(chosen());
  if (early !== begun) early?.abort();
  early = null;
  signal.addEventListener('abort', begun.abort, { once: true });
  const model = await begun.model;
  loaded = { model, source, device };
  model.addEventListener('recover', ({ detail }) => say(`The engine stopped (${detail.reason}); another one goes on.`));
  model.addEventListener('device', () => describeDevice(model));
  describeDevice(model);
  listClasses(model);
  return model;
}

function onLoading({ phase, loaded: bytes, total }) {
  if (phase === 'pipelines') {
    progress.value = bytes / total;
    status.textContent = `Preparing the GPU: ${bytes} of ${total} …`;
    return;
  }
  const what = { weights: 'Loading the weights', engine: 'Loading the engine', device: 'Opening the device', model: 'Preparing the model' }[phase];
  if (!what) return;
  const megabytes = bytes ? ` (${(bytes / 2 ** 20).toFixed(1)}${total ? ` of ${(total / 2 ** 20).toFixed(1)}` : ''} MB)` : '';
  if (total) progress.value = bytes / total;
  else progress.removeAttribute('value');
  progress.title = `${what}${megabytes}`;
  if (status.dataset.state === 'loading') status.textContent = `${what}${megabytes} …`;
}

function listClasses(model) {
  const select = form.elements.label;
  const before = select.value;
  select.replaceChildren(new Option(model.classes.length ? 'any' : 'none: an unconditional model', ''));
  model.classes.forEach((name, i) => select.add(new Option(name, i)));
  // A label that the model does not have stays, for the engine to refuse it in words.
  if (before !== '' && !model.classes[before]) select.add(new Option(`class ${before}`, before));
  select.value = before;
}

function describeDevice(model) {
  status.dataset.device = model.device;
  status.dataset.reason = model.reason;
  const { vendor = '', architecture = '', description = '', software = false } = model.adapter ?? {};
  status.dataset.adapter = model.device === 'webgpu' ? description || `${vendor} ${architecture}`.trim() || 'unnamed' : '';
  status.dataset.software = model.device === 'webgpu' ? software : '';
}

function deviceText() {
  const { device, reason, adapter } = status.dataset;
  if (device === 'webgpu') return `On WebGPU (${adapter}).`;
  if (device === 'cpu') return reason && reason !== 'asked for' ? `On the CPU: ${reason}.` : 'On the CPU.';
  return '';
}

async function generate() {
  abort?.abort();
  if (!form.reportValidity()) return;
  if (unasked) {
    $('#ask-text').textContent = `This link loads its weights from another site, ${new URL(unasked).origin}. Weights are data, not code, and are checked before use.`;
    $('#ask').hidden = false;
    $('#ask-yes').focus();
    return;
  }
  const controller = new AbortController();
  abort = controller;
  $('#error').hidden = true;
  remember();
  const settings = readForm(form);
  try {
    const model = await ensureModel(controller.signal);
    // Cancelled as the model arrived, too late for its loading to notice.
    if (controller.signal.aborted) throw new ScorefieldError('aborted', 'cancelled by the reader');
    run = model.sample(settings);
    controller.signal.addEventListener('abort', () => run.cancel(), { once: true });
    setState('sampling');
    figure.begin({ settings, title: model.title, classes: model.classes });
    setButtons();
    await follow(run);
    if (abort !== controller) return;
    setState(run.state === 'cancelled' ? 'cancelled' : 'done');
  } catch (cause) {
    // A newer run has the page.
    if (abort !== controller) return;
    const error = ScorefieldError.from(cause);
    if (error.code === 'aborted') {
      setState('cancelled');
    } else {
      setState('error');
      show(error);
    }
  } finally {
    if (abort === controller) {
      abort = null;
      run = null;
      setButtons();
    }
  }
}

async function follow(current) {
  let spent = 0;
  let steps = 0;
  for await (const step of current) {
    steps += 1;
    // The first step runs on code that the browser has not optimised yet: it is not what a step takes.
    if (steps > 1) spent += step.ms;
    const ms = steps > 1 ? spent / (steps - 1) : step.ms;
    figure.push(step);
    if (!painted) await firstPaint();
    $('#png').disabled = false;
    progress.value = step.progress;
    const of = step.total ? `${step.index} of ${step.total} steps` : `${step.index} steps`;
    const accepted = step.acceptance === null ? '' : `, acceptance ${format(step.acceptance)}`;
    progress.title = `${of}, ${step.nfe} NFE${accepted}, ${format(ms)} ms/step`;
    Object.assign(status.dataset, { index: step.index, nfe: step.nfe, ms: ms.toFixed(2) });
    status.textContent = `${progress.title}. ${deviceText()}`;
  }
}

let painted = false;

/** The page's first picture is out before the workers take all cores again; where nothing is painted, nobody waits. */
async function firstPaint() {
  painted = true;
  const frame = new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  await Promise.race([frame, new Promise((resolve) => setTimeout(resolve, 50))]);
}

function cancel() {
  abort?.abort();
}

function togglePause() {
  if (!run) return;
  const paused = run.state !== 'paused';
  if (paused) run.pause();
  else run.resume();
  $('#pause').textContent = paused ? 'Resume' : 'Pause';
  $('#pause').setAttribute('aria-pressed', paused);
  say(paused ? 'Paused' : 'Going on');
}

const ENDED = { idle: '', done: 'Done', cancelled: 'Cancelled', error: 'Stopped by an error' };

function setState(state) {
  status.dataset.state = state;
  if (state === 'loading') {
    progress.removeAttribute('value');
    status.textContent = 'Loading …';
  }
  if (state === 'sampling') progress.value = 0;
  if (state in ENDED) {
    if (state !== 'done') progress.value = 0;
    const summary = state === 'done' ? `${progress.title}. ${deviceText()}` : [ENDED[state] && `${ENDED[state]}.`, deviceText()].filter(Boolean).join(' ');
    status.textContent = summary;
  }
  const spoken = { loading: 'Loading', sampling: 'Sampling', ...ENDED }[state];
  if (spoken) say(state === 'done' ? `${spoken}. ${$('#caption').textContent}` : spoken);
  setButtons();
}

function setButtons() {
  const busy = status.dataset.state === 'loading' || status.dataset.state === 'sampling';
  $('#cancel').disabled = !busy;
  $('#pause').disabled = status.dataset.state !== 'sampling';
  $('#pause').textContent = 'Pause';
  $('#pause').setAttribute('aria-pressed', 'false');
  $('#png').disabled = !figure.current;
}

/** To screen readers. */
function say(text) {
  $('#live').textContent = text;
}

function show(error) {
  const panel = $('#error');
  panel.dataset.code = error.code;
  for (const part of ['what', 'where', 'remedy']) {
    const text = error[part] ?? '';
    // A sentence begins with a capital; names of settings and files stay as they are.
    const isSentence = /^[a-z]+ (?!=)/.test(text);
    panel.querySelector(`.${part}`).textContent = isSentence ? text[0].toUpperCase() + text.slice(1) : text;
    panel.querySelector(`.${part}`).hidden = !text;
  }
  if (!error.what) panel.querySelector('.what').textContent = error.message;
  panel.hidden = false;
  panel.scrollIntoView({ block: 'nearest' });
}

async function downloadPng() {
  try {
    const link = document.createElement('a');
    const url = URL.createObjectURL(await figure.png());
    link.href = url;
    link.download = `scorefield-${form.elements.sampler.value}-seed${form.elements.seed.value}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    show(ScorefieldError.from(error, 'io', { remedy: 'use fewer samples' }));
  }
}

async function copyLink() {
  remember();
  try {
    await navigator.clipboard.writeText(location.href);
    $('#copy').textContent = 'Copied';
    setTimeout(() => ($('#copy').textContent = 'Copy link'), 2000);
  } catch {
    show(new ScorefieldError('io', 'the browser does not let this page use the clipboard', { remedy: 'copy the address from the address bar' }));
  }
}
