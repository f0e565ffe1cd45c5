// A lab page: the form, the address, the figure and the messages, about one session. It finds its elements below its
// root, and there can be any number of them in a document.

import { ScorefieldError } from '../api/errors.js';
import { Message } from '../page/panels.js';
import { cut, format } from '../page/words.js';
import { readAddress, writeAddress } from './address.js';
import { Board } from './board.js';
import { alongLevels, snapshot } from './evaluate.js';
import { Form } from './form.js';
import { History } from './history.js';
import { level } from './process.js';
import { hide, showCaptions, showPresets, showStory } from './prose.js';
import { PRESETS, releases } from './presets.js';
import { normals } from './random.js';
import { Release } from './release.js';
import { Session } from './session.js';
import { FIELDS, configOf, plain, processOf, samplingOf, sideOf } from './settings.js';
import { HALF } from './points.js';
import { Source } from './source.js';
import { writeTable } from './table.js';

/** Points of the data that are shown and compared with, milliseconds between two looks, and between two of the plots. */
const [DATA, LOOK, SUM] = [2000, 30, 300];
const REDUCED = '(prefers-reduced-motion: reduce)';
/** What a change of does not make another network. */
const LOOSE = ['sampler', undefined];
const SPOKEN = { idle: '', loading: 'Loading', training: 'Training', paused: 'Paused', done: 'Trained', error: 'Stopped by an error' };
/** The least time of the slider, which is logarithmic. */
const EARLIEST = 1e-3;

export class LabPage {
  #root;
  #scope;
  #address;
  #end = new AbortController();
  #preset = null;
  #hidden = [];
  #t = 0.05;
  #target = 0;
  #clean = new Float32Array();
  #noise = normals(2 * DATA, 1);
  #shots = {};
  #curves = {};
  #past = new History();
  #looked = 0;
  /** Milliseconds that the last look took: looks have at most a third of the time. */
  #cost = 0;
  #summed = 0;
  #looking = null;
  #again = false;

  /**
   * @param {ParentNode} root
   * @param {{address?: {read(): string, write(query: string): void, base: string} | null, scope?: EventTarget,
   *   session?: Session}} [options] `address`: where settings come from and go to; `scope`: what hears of dropped files
   */
  constructor(root, { address = null, scope = root, session = new Session() } = {}) {
    this.#root = root;
    this.#scope = scope;
    this.#address = address;
    this.session = session;
    const { signal } = this.#end;
    this.form = new Form(this.#one('#settings'));
    this.board = new Board(root, { signal });
    this.message = new Message(root, { signal, onClose: () => this.#one('#train').focus() });
    this.release = new Release(root, this.board, {
      signal,
      ask: () => this.#samplers(),
      onEnd: () => this.#settle(true),
      onError: (error) => this.message.show(error),
    });
    this.source = new Source(root, this.board, {
      signal,
      isDrawing: () => this.form.field('data').value === 'drawn',
      onChange: () => this.#refresh(),
    });
  }

  #one(selector) {
    return this.#root.querySelector(selector);
  }

  async start() {
    const dead = this.#one('#dead');
    if (dead) dead.hidden = true;
    const { preset, values, hidden, autostart, problems } = readAddress(this.#address?.read() ?? '');
    this.#hidden = hidden;
    hide(this.#root, hidden);
    this.#listen();
    this.#take(preset, values);
    if (problems.length) {
      const remedy = 'those settings have their defaults';
      this.message.show(new ScorefieldError('setting', problems.join('; '), { where: 'the address of this page', remedy }));
    }
    await this.#prepare(autostart && problems.length === 0);
  }

  /** Takes settings on: those of a preset or of an address. */
  #take(preset, values) {
    this.#preset = preset;
    this.#t = Number(values.t);
    this.#one('#time').value = Math.max(0, 1 - Math.log(Math.max(this.#t, EARLIEST)) / Math.log(EARLIEST));
    this.source.text = values.points;
    this.form.fill(values);
    showPresets(this.#one('#presets'), PRESETS, preset, (name) => writeAddress({ preset: name, values: readAddress(`?preset=${name}`).values, hidden: this.#hidden }));
    showStory(this.#one('#story'), preset && PRESETS[preset]);
    this.source.show();
  }

  #values() {
    return { ...this.form.values(), t: String(Number(this.#t.toPrecision(3))), points: this.source.text };
  }

  get #names() {
    return this.form.field('compare').value === 'on' ? ['a', 'b'] : ['a'];
  }

  #listen() {
    const on = (target, type, listener) => {
      target.addEventListener(type, (event) => this.#try(() => listener(event)), { signal: this.#end.signal });
    };
    const click = (selector, listener) => on(this.#one(selector), 'click', listener);
    on(this.#one('#settings'), 'submit', (event) => {
      event.preventDefault();
      return this.train();
    });
    on(this.#one('#settings'), 'change', ({ target }) => this.#change(target));
    click('#single', () => this.#single());
    click('#reset', () => this.#reset());
    click('#export', () => this.#export('a'));
    click('#export-b', () => this.#export('b'));
    click('#copy', () => this.#copy());
    on(this.#one('#presets'), 'click', (event) => this.#choose(event));
    on(this.#one('#time'), 'input', () => {
      this.#t = EARLIEST ** (1 - this.#one('#time').valueAsNumber);
      this.#refresh();
      return this.#look(true);
    });
    on(this.#one('#past'), 'input', () => this.#show());
    on(this.#scope, 'dragover', (event) => event.preventDefault());
    on(this.#scope, 'drop', (event) => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      return file && (/\.safetensors$/i.test(file.name) ? this.#load(file) : this.#open(file));
    });
    on(document, 'visibilitychange', () => !document.hidden && this.#look(true));
    on(this.session, 'state', ({ detail }) => this.#state(detail));
    on(this.session, 'progress', ({ detail }) => this.#loading(detail));
  }

  /** Whatever fails is told: nothing that a reader does ends in an error that nobody sees. */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.message.show(ScorefieldError.from(error));
    }
  }

  async #change(target) {
    if (target.id === 'points-file') return target.files[0] && this.#open(target.files[0]);
    if (target.id === 'weights-file') return target.files[0] && this.#load(target.files[0]);
    this.form.refresh();
    if (target.name === 'by') this.board.levels(this.#curves, target.value);
    if (target.name === 'data') this.source.show();
    this.#refresh();
    const field = FIELDS[plain(target.name)];
    // A drawing has yet to be drawn.
    if (!field || LOOSE.includes(field.group) || target.name === 'train') return target.name?.endsWith('score') ? this.#look(true) : undefined;
    this.message.hide();
    return this.#prepare(this.session.running);
  }

  /** A preset's link, in this page. */
  #choose(event) {
    const link = event.target.closest('a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
    event.preventDefault();
    const { preset, values } = readAddress(new URL(link.href).search);
    this.#take(preset, values);
    this.#one('#live').textContent = `${PRESETS[preset].title}.`;
    this.message.hide();
    return this.#prepare(true);
  }

  /** Networks for the settings, with fresh weights or a file's; `go`: they are trained at once. */
  async #prepare(go = false, weights = undefined) {
    this.release.clear();
    const values = this.#values();
    const drawing = values.data === 'drawn';
    if (drawing) this.board.data(new Float32Array(), { centre: [0, 0], extent: HALF });
    if (this.form.check() !== null || (drawing && !go && !weights)) return this.#blank();
    const points = this.source.points(values.data);
    const asked = Object.fromEntries(this.#names.map((name) => [name, { config: configOf(sideOf(values, name)), points, weights }]));
    if (!(await this.session.begin(asked))) return undefined;
    this.#past.clear();
    this.#target = Number(values.train);
    this.#clean = await this.session.sides.a.training.data(DATA);
    this.board.data(this.#clean, drawing ? { centre: [0, 0], extent: HALF } : undefined);
    this.source.show();
    await this.#look(true);
    await this.#settle(false);
    this.#refresh();
    return go ? this.train() : undefined;
  }

  /** Nothing is trained yet: a drawing, or settings that will not do. */
  async #blank() {
    await this.session.pause();
    this.session.sides = {};
    [this.#shots, this.#curves] = [{}, {}];
    this.board.arrange({ two: this.#names.length > 1, truth: false, density: false, levels: false });
    this.board.fields({}, this.#noise, {});
    this.#one('#measured').hidden = true;
    this.session.state = 'idle';
    this.#state({ state: 'idle' });
  }

  /** Trains, pauses, goes on, or trains further. */
  async train() {
    if (this.session.running) return this.session.pause();
    if (this.form.check() !== null) return undefined;
    if (!this.session.sides.a) return this.#prepare(true);
    this.message.hide();
    const more = Number(this.form.field('train').value);
    if (this.session.step >= this.#target && this.session.step > 0) this.#target = this.session.step + more;
    const speed = () => {
      const { value } = this.form.field('speed');
      return value === 'most' ? null : Number(value);
    };
    await this.session.train(this.#target, { speed, look: () => this.#look(false) });
    if (this.session.running) return undefined;
    await this.#look(true);
    await this.#settle(true);
    const preset = this.#preset && PRESETS[this.#preset];
    if (this.session.step >= this.#target && preset && releases(preset)) await this.release.go();
    return undefined;
  }

  async #single() {
    await this.session.single(this.#target);
    await this.#look(true);
  }

  async #reset() {
    this.release.clear();
    await this.session.reset();
    this.#past.clear();
    this.#curves = {};
    this.#target = Number(this.form.field('train').value);
    await this.#look(true);
    await this.#settle(false);
  }

  /** Looks at the fields: in training as often as frames come, and where asked once more after what is under way. */
  async #look(asked) {
    if (!this.session.sides.a) return;
    const now = performance.now();
    const unseen = document.hidden || matchMedia(REDUCED).matches;
    if (!asked && (now - this.#looked < (unseen ? 2000 : Math.max(LOOK, 3 * this.#cost)) || this.#looking)) return;
    if (this.#looking) {
      this.#again = true;
      await this.#looking;
      return;
    }
    this.#looked = now;
    this.#looking = this.#measure(asked || !unseen);
    try {
      await this.#looking;
    } finally {
      this.#looking = null;
      this.#cost = performance.now() - now;
    }
    if (this.#again) {
      this.#again = false;
      await this.#look(true);
    }
  }

  async #measure(seen) {
    const { sides } = this.session;
    const at = { view: this.board.view, t: this.#t, clean: this.#clean, noise: this.#noise };
    const shots = {};
    for (const [name, side] of Object.entries(sides)) shots[name] = await snapshot(side, at);
    if (sides !== this.session.sides) return;
    this.#shots = shots;
    this.#past.push(shots);
    const slider = this.#one('#past');
    slider.max = this.#past.length - 1;
    slider.value = slider.max;
    slider.disabled = this.#past.length < 2 || this.session.running;
    if (seen) this.#show();
  }

  /** Draws the shots that the slider is at. */
  #show() {
    const index = this.#one('#past').valueAsNumber;
    const shots = this.#past.at(index) ?? this.#shots;
    if (!shots.a) return;
    const values = this.#values();
    const follow = Object.fromEntries(Object.keys(shots).map((name) => [name, sideOf(values, name).score]));
    const { a } = shots;
    const density = a.log.learned !== null || a.log.truth !== null;
    this.board.arrange({ two: Boolean(shots.b), truth: a.cells.truth !== null, density, levels: Object.values(this.session.sides).some(({ config }) => config.process.kind !== 'none') });
    this.board.fields(shots, this.#noise, follow);
    if (performance.now() - this.#summed > SUM || !this.session.running) this.#plots(shots);
    showCaptions(this.#root, { shots, follow, sides: this.session.sides, density: a.log.learned ? 'learned' : 'true' });
    if (values.data === 'drawn') this.source.show();
    const out = this.#one('#past-out');
    out.textContent = `step ${a.step}`;
    this.#one('#past').setAttribute('aria-valuetext', out.textContent);
    this.#line();
  }

  /** What is read rather than watched: the plots and the table. */
  #plots(shots) {
    this.board.regions(shots);
    this.board.loss(Object.fromEntries(Object.entries(this.session.sides).map(([name, { losses }]) => [name, losses])));
    this.#table(shots);
  }

  #table(shots = this.#shots) {
    this.#summed = performance.now();
    const preset = this.#preset && PRESETS[this.#preset];
    const { particles } = this.release;
    const fields = Object.fromEntries(
      Object.entries(this.session.sides).map(([name, side]) => {
        const over = particles.state === 'done' && particles.paths[name];
        const moved = over ? { particles: particles.last(name), length: particles.lengthOf(name) } : {};
        return [name, { side, shot: shots[name], curve: this.#curves[name], data: this.#clean, split: preset?.split, ...moved }];
      }),
    );
    if (fields.a) writeTable(this.#one('#measured'), fields, { rows: preset?.rows });
  }

  /** What is measured where training rests: the curves by σ too, and the table. */
  async #settle(curves) {
    if (curves && !this.session.running) {
      const { sides } = this.session;
      const found = {};
      for (const [name, side] of Object.entries(sides)) found[name] = await alongLevels(side, { clean: this.#clean, noise: this.#noise });
      if (sides !== this.session.sides) return;
      this.#curves = found;
    }
    const by = this.form.field('by');
    const unknown = Boolean(this.#curves.a?.length) && this.#curves.a.every(({ error }) => error === null);
    by.querySelector('[value="error"]').disabled = unknown;
    if (unknown) by.value = 'norm';
    this.board.levels(this.#curves, by.value);
    this.#table();
  }

  /** What samples each field; null while nothing can. */
  #samplers() {
    if (!this.session.sides.a || this.session.state === 'loading' || this.session.running) return null;
    const values = this.#values();
    return Object.fromEntries(
      Object.entries(this.session.sides).map(([name, { training }]) => {
        const own = sideOf(values, name);
        return [name, { training, settings: samplingOf(own), score: own.score, place: processOf(own) === 'none' && own.from === 'prior' ? 'uniform' : own.from }];
      }),
    );
  }

  #state({ state, error }) {
    this.#one('#status').dataset.state = state;
    if (error) this.message.show(error);
    const { running, step } = this.session;
    const ready = !['loading'].includes(state);
    const train = this.#one('#train');
    train.disabled = !ready;
    train.textContent = running ? 'Pause' : step === 0 ? 'Train' : step < this.#target ? 'Go on' : 'Train further';
    for (const [selector, on] of [['#single', ready && this.session.sides.a], ['#reset', ready && step > 0], ['#release', ready && !running && this.session.sides.a], ['#export', ready && step > 0], ['#export-b', ready && step > 0]]) {
      this.#enable(selector, Boolean(on));
    }
    this.#one('#export-b').hidden = this.#names.length < 2;
    if (!running) this.#one('#past').disabled = this.#past.length < 2;
    this.#line();
    const more = state === 'done' || state === 'paused' ? ` after ${step} steps` : '';
    this.#one('#live').textContent = SPOKEN[state] && `${SPOKEN[state]}${more}.`;
  }

  #enable(selector, enabled) {
    const button = this.#one(selector);
    if (!enabled && button.getRootNode().activeElement === button) this.#one('#train').focus();
    button.disabled = !enabled;
  }

  /** The line beside the buttons. */
  #line() {
    const { state, step, sides } = this.session;
    const status = this.#one('#status');
    status.dataset.step = step;
    const { error } = this.#shots.a ?? {};
    if (Number.isFinite(error)) status.dataset.error = error.toPrecision(4);
    else delete status.dataset.error;
    const rate = sides.a?.seconds ? `, ${format(step / sides.a.seconds)} steps/s` : '';
    const words = { loading: 'Loading the engine …', error: 'Stopped by an error', idle: sides.a ? 'Ready' : 'Draw in panel a' };
    status.textContent = words[state] ?? `Step ${step} of ${this.#target}${rate}`;
  }

  #loading({ phase, loaded, total }) {
    if (this.session.state !== 'loading' || phase !== 'engine') return;
    const size = loaded ? ` (${(loaded / 2 ** 20).toFixed(1)}${total ? ` of ${(total / 2 ** 20).toFixed(1)}` : ''} MB)` : '';
    this.#one('#status').textContent = `Loading the engine${size} …`;
  }

  /** The address, notes and labels as things are now. */
  #refresh() {
    const values = this.#values();
    this.#address?.write(writeAddress({ preset: this.#preset, values, hidden: this.#hidden }));
    const process = configOf(sideOf(values, 'a')).process;
    const { alpha, sigma } = level(process, this.#t);
    const timeless = process.kind === 'none' && (this.#names.length < 2 || processOf(sideOf(values, 'b')) === 'none');
    this.#one('#time').disabled = timeless;
    const words = timeless ? 'no noise' : process.kind === 'none' ? `t = ${format(this.#t)}` : `t = ${format(this.#t)}, α = ${format(alpha)}, σ = ${format(sigma)}`;
    this.#one('#time-out').textContent = words;
    this.#one('#time').setAttribute('aria-valuetext', words);
    this.#one('#second').hidden = this.#names.length < 2;
  }

  async #open(file) {
    this.message.hide();
    await this.source.open(file, Number(this.form.field('seed').value));
    this.#preset = null;
    showStory(this.#one('#story'), null);
    this.form.fill({ data: 'file' });
    this.source.show();
    await this.#prepare(this.session.running);
    this.#one('#live').textContent = `${cut(file.name, 60)} is open.`;
  }

  async #load(file) {
    this.message.hide();
    await this.#prepare(false, new Uint8Array(await file.arrayBuffer()));
    if (this.session.state !== 'error') this.#one('#live').textContent = `${cut(file.name, 60)} is loaded.`;
  }

  async #export(name) {
    const bytes = await this.session.sides[name].training.export();
    const { data, objective, seed } = sideOf(this.#values(), name);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes]));
    link.download = `lab-${data}-${objective}-seed${seed}-step${this.session.step}.safetensors`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** A link that trains by itself. */
  async #copy() {
    const query = writeAddress({ preset: this.#preset, values: this.#values(), hidden: this.#hidden, autostart: true });
    const link = `${this.#address?.base ?? document.baseURI}${query}`;
    try {
      await navigator.clipboard.writeText(link);
    } catch (cause) {
      throw new ScorefieldError('io', 'the browser does not let this page use the clipboard', { where: link, remedy: 'copy it from here', cause });
    }
    const button = this.#one('#copy');
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy link'), 2000);
    this.#one('#live').textContent = this.source.file && this.#values().data === 'file' ? 'Copied; whoever opens it needs your file, too' : 'Copied';
  }

  dispose() {
    this.#end.abort();
    this.release.clear();
    this.session.close();
  }
}
