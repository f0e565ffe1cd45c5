// A lab page: the form, the address, the figure and the messages, about one session. It finds its elements below its
// root, and there can be any number of them in a document.

import { ScorefieldError } from '../api/errors.js';
import { Message } from '../page/panels.js';
import { cut, format } from '../page/words.js';
import { readAddress, writeAddress } from './address.js';
import { Board } from './board.js';
import { configOf, samplingOf, valuesOf } from './config.js';
import { Form } from './form.js';
import { level } from './process.js';
import { Progress } from './progress.js';
import { hide, showCaptions, showObjective, showPresets, showStory } from './prose.js';
import { OBJECTIVES } from './objectives.js';
import { PRESETS, releases } from './presets.js';
import { normals } from './random.js';
import { Release } from './release.js';
import { Session } from './session.js';
import { FIELDS, plain, processOf, sideOf } from './settings.js';
import { HALF } from './points.js';
import { copy, download } from './share.js';
import { Source } from './source.js';
import { fieldsOf, writeTable } from './table.js';
import { Watch } from './watch.js';

/** Points of the data that are shown and compared with, and milliseconds between two of the plots in training. */
const [DATA, SUM] = [2000, 300];
/** What a change of does not make another network. */
const LOOSE = ['sampler', undefined];
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
  #summed = 0;

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
    this.watch = new Watch(session, () => this.#where());
    this.progress = new Progress(root, session);
    const { signal } = this.#end;
    this.form = new Form(this.#one('#settings'));
    this.board = new Board(root, { signal });
    this.message = new Message(root, { signal, onClose: () => this.#one('#train').focus() });
    this.release = new Release(root, this.board, {
      signal,
      ask: () => this.#samplers(),
      onEnd: () => this.#table(),
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
      this.message.show(
        new ScorefieldError('setting', problems.join('; '), { where: 'the address of this page', remedy }),
      );
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
    showPresets(this.#one('#presets'), PRESETS, preset, (name) =>
      writeAddress({ preset: name, values: readAddress(`?preset=${name}`).values, hidden: this.#hidden }),
    );
    showStory(this.#one('#story'), preset && PRESETS[preset]);
    this.source.show();
  }

  /** All settings as text. */
  #values() {
    const values = { ...this.form.values(), t: String(Number(this.#t.toPrecision(3))), points: this.source.text };
    // Where there is no error to plot, its absence is nobody's choice.
    if (this.form.field('by').querySelector('[value="error"]').disabled) values.by = 'error';
    return values;
  }

  /** Where the fields are looked at. */
  #where() {
    return { view: this.board.view, t: this.#t, clean: this.#clean, noise: this.#noise };
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
      return this.watch.look();
    });
    on(this.#one('#past'), 'input', () => this.#show());
    on(this.#scope, 'dragover', (event) => event.preventDefault());
    on(this.#scope, 'drop', (event) => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      return file && (/\.safetensors$/i.test(file.name) ? this.#load(file) : this.#open(file));
    });
    on(document, 'visibilitychange', () => !document.hidden && this.watch.look());
    on(this.session, 'state', ({ detail }) => this.#state(detail));
    on(this.session, 'progress', ({ detail }) => this.progress.loading(detail));
    on(this.watch, 'seen', ({ detail }) => this.#seen(detail));
    on(this.watch, 'surveyed', () => this.#levels());
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
    if (target.name === 'by') this.#levels();
    if (target.name === 'data') this.source.show();
    if (target.name === 'train' && target.validity.valid) this.#target = target.valueAsNumber;
    this.#refresh();
    const field = FIELDS[plain(target.name)];
    // A drawing has yet to be drawn.
    if (!field || LOOSE.includes(field.group) || target.name === 'train')
      return target.name?.endsWith('score') ? this.watch.look() : undefined;
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
    this.progress.say(`${PRESETS[preset].title}.`);
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
    const asked = Object.fromEntries(
      this.#names.map((name) => [name, { config: configOf(sideOf(values, name)), points, weights }]),
    );
    this.#target = Number(values.train);
    if (!(await this.session.begin(asked))) return undefined;
    this.watch.forget();
    this.#clean = await this.session.sides.a.training.data(DATA);
    this.board.data(this.#clean, drawing ? { centre: [0, 0], extent: HALF } : undefined);
    this.source.show();
    await this.watch.look();
    await this.#settle();
    this.#refresh();
    return go ? this.train() : undefined;
  }

  /** Nothing is trained yet: a drawing, or settings that will not do. */
  async #blank() {
    await this.session.pause();
    this.session.sides = {};
    this.watch.forget();
    this.board.arrange({ two: this.#names.length > 1, learned: true });
    this.board.fields({}, this.#noise, {});
    this.#one('#measured').hidden = true;
    this.session.state = 'idle';
    this.#state({});
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
    await this.session.train(this.#target, { speed, look: () => this.watch.glance() });
    if (this.session.running) return undefined;
    await this.watch.look();
    await this.#settle();
    const preset = this.#preset && PRESETS[this.#preset];
    if (this.session.step >= this.#target && preset && releases(preset)) await this.release.go();
    return undefined;
  }

  async #single() {
    await this.session.single(this.#target);
    await this.watch.look();
  }

  async #reset() {
    this.release.clear();
    await this.session.reset();
    this.watch.forget();
    this.#target = Number(this.form.field('train').value);
    await this.watch.look();
    await this.#settle();
  }

  /** Another look was taken. */
  #seen(drawn) {
    const slider = this.#one('#past');
    slider.max = this.watch.past.length - 1;
    slider.value = slider.max;
    slider.disabled = this.watch.past.length < 2 || this.session.running;
    if (drawn) this.#show();
  }

  /** Draws the shots that the slider is at. */
  #show() {
    const index = this.#one('#past').valueAsNumber;
    const shots = this.watch.past.at(index) ?? this.watch.shots;
    if (!shots.a) return;
    const values = this.#values();
    const follow = Object.fromEntries(Object.keys(shots).map((name) => [name, sideOf(values, name).score]));
    const { a } = shots;
    const density = a.log.learned !== null || a.log.truth !== null;
    this.board.arrange({
      two: Boolean(shots.b),
      truth: a.cells.truth !== null,
      density,
      learned: a.step > 0 || Object.values(follow).includes('learned'),
      levels: Object.values(this.session.sides).some(({ config }) => config.process.kind !== 'none'),
    });
    this.board.fields(shots, this.#noise, follow);
    if (performance.now() - this.#summed > SUM || !this.session.running) this.#plots(shots);
    showCaptions(this.#root, { shots, follow, sides: this.session.sides, density: a.log.learned ? 'learned' : 'true' });
    if (values.data === 'drawn') this.source.show();
    const out = this.#one('#past-out');
    out.textContent = `step ${a.step}`;
    this.#one('#past').setAttribute('aria-valuetext', out.textContent);
    this.progress.line(this.#told());
  }

  /** What is read rather than watched: the plots and the table. */
  #plots(shots) {
    this.board.regions(shots);
    this.board.loss(Object.fromEntries(Object.entries(this.session.sides).map(([name, { losses }]) => [name, losses])));
    this.#table(shots);
  }

  #table(shots = this.watch.shots) {
    this.#summed = performance.now();
    const preset = this.#preset && PRESETS[this.#preset];
    const { session, watch, release } = this;
    const about = {
      shots,
      curves: watch.curves,
      particles: release.particles,
      data: this.#clean,
      split: preset?.split,
    };
    writeTable(this.#one('#measured'), fieldsOf(session.sides, about), { rows: preset?.rows });
  }

  /** What is measured where training rests: the curves by σ, and the table. */
  async #settle() {
    if (!this.session.running) await this.watch.survey();
    this.#table();
  }

  /** The curves by σ; where the true score is not known, there is no error. */
  #levels() {
    const { curves } = this.watch;
    const by = this.form.field('by');
    const unknown = Boolean(curves.a?.length) && curves.a.every(({ error }) => error === null);
    by.querySelector('[value="error"]').disabled = unknown;
    if (unknown) by.value = 'norm';
    this.board.levels(curves, by.value);
  }

  /** What samples each field; null while nothing can. */
  #samplers() {
    const { sides, state, running } = this.session;
    if (!sides.a || state === 'loading' || running) return null;
    const values = this.#values();
    return Object.fromEntries(
      Object.entries(sides).map(([name, { training }]) => {
        const own = sideOf(values, name);
        // Data without noise have no prior.
        const place = processOf(own) === 'none' && own.from === 'prior' ? 'uniform' : own.from;
        return [name, { training, settings: samplingOf(own), score: own.score, place }];
      }),
    );
  }

  #state({ error }) {
    if (error) this.message.show(error);
    this.progress.show(this.#told());
  }

  /** What the line of progress is about. */
  #told() {
    return { target: this.#target, error: this.watch.shots.a?.error, past: this.watch.past.length };
  }

  /** The address, notes and labels as things are now. */
  #refresh() {
    const values = this.#values();
    this.#address?.write(writeAddress({ preset: this.#preset, values, hidden: this.#hidden }));
    const process = configOf(sideOf(values, 'a')).process;
    const { alpha, sigma } = level(process, this.#t);
    const timeless = process.kind === 'none' && (this.#names.length < 2 || processOf(sideOf(values, 'b')) === 'none');
    this.#one('#time').disabled = timeless;
    const words = timeless
      ? 'no noise'
      : process.kind === 'none'
        ? `t = ${format(this.#t)}`
        : `t = ${format(this.#t)}, α = ${format(alpha)}, σ = ${format(sigma)}`;
    this.#one('#time-out').textContent = words;
    this.#one('#time').setAttribute('aria-valuetext', words);
    this.#one('#second').hidden = this.#names.length < 2;
    showObjective(this.#one('#objective-note'), OBJECTIVES[values.objective]);
  }

  async #open(file) {
    this.message.hide();
    await this.source.open(file, Number(this.form.field('seed').value));
    this.#preset = null;
    showStory(this.#one('#story'), null);
    this.form.fill({ data: 'file' });
    this.source.show();
    await this.#prepare(this.session.running);
    this.progress.say(`${cut(file.name, 60)} is open.`);
  }

  async #load(file) {
    this.message.hide();
    const weights = new Uint8Array(await file.arrayBuffer());
    const values = valuesOf(await this.session.read(weights));
    this.#preset = null;
    showStory(this.#one('#story'), null);
    this.form.fill({ ...values, compare: 'off' });
    this.source.show();
    await this.#prepare(false, weights);
    if (this.session.state !== 'error') this.progress.say(`${cut(file.name, 60)} is loaded.`);
  }

  async #export(name) {
    const bytes = await this.session.sides[name].training.export();
    const { data, objective, seed } = sideOf(this.#values(), name);
    download(bytes, `lab-${data}-${objective}-seed${seed}-step${this.session.step}.safetensors`);
  }

  /** A link that trains by itself. */
  async #copy() {
    const values = this.#values();
    const query = writeAddress({ preset: this.#preset, values, hidden: this.#hidden, autostart: true });
    await copy(`${this.#address?.base ?? document.baseURI}${query}`, this.#one('#copy'));
    this.progress.say(values.data === 'file' ? 'Copied; whoever opens it needs your file, too' : 'Copied');
  }

  dispose() {
    this.#end.abort();
    this.release.clear();
    this.session.close();
  }
}
