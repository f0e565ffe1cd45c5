// A page: the form, the address, the messages and the figure, about one session. It finds its elements below its root,
// and there can be any number of them, in documents and in shadow roots.

import { ScorefieldError, models } from '../api/scorefield.js';
import { resolve } from '../api/weights.js';
import { readAddress, snippet, writeAddress } from './address.js';
import { Figure, memoryNote } from './figure.js';
import { Form } from './form.js';
import { Message, Question } from './panels.js';
import { recordedRun } from './recorded.js';
import { Session } from './session.js';
import { FIELDS, toSettings } from './settings.js';
import { Status } from './status.js';

export class Page {
  #root;
  #scope;
  #address;
  #end = new AbortController();
  #models = [];
  /** Why they could not be listed. */
  #unlisted = null;
  /** The chosen weights: a shipped model's name, an address, or a File. */
  #source = null;
  /** What the run was asked for that is on its way, and that which is shown: `{values, settings, source, …}`. */
  #asked = null;
  /** The address draws its picture by itself, and goes on to. */
  #autostart = false;
  #painted = false;

  /**
   * @param {ParentNode} root
   * @param {{address?: Address | null, scope?: EventTarget}} [options]
   *   `address` (`{read(): string, write(query: string): void, base: string}`): where settings come from and go to;
   *   `scope`: what hears of keys and of dropped files, if not the root
   */
  constructor(root, { address = null, scope = root } = {}) {
    this.#root = root;
    this.#scope = scope;
    this.#address = address;
    const { signal } = this.#end;
    this.form = new Form(this.#one('#settings'));
    this.status = new Status(root);
    this.session = new Session();
    this.figure = new Figure(root, { signal });
    const onClose = () => this.#one('#generate').focus();
    this.message = new Message(root, { signal, onClose });
    this.question = new Question(root, { signal, onClose });
  }

  #one(selector) {
    return this.#root.querySelector(selector);
  }

  /** Brings the page to life. */
  async start() {
    const dead = this.#one('#dead');
    if (dead) dead.hidden = true;
    const { values, autostart, problems } = readAddress(this.#address?.read() ?? '');
    this.form.fill(values);
    this.figure.kind = this.form.get('show');
    this.figure.placeholder(this.#count());
    this.#one('#memory-note').textContent = memoryNote;
    this.#listen();
    const foreign = this.#check(values, problems);
    const willRun = (this.#autostart = autostart && problems.length === 0);
    const listed = this.#list(values.model ?? null);
    // The engine starts while the list is on its way.
    const chosen = listed.then(() => this.#chosen());
    // Whoever needs it hears of errors.
    chosen.catch(() => {});
    if (willRun && !foreign) this.session.anticipate(chosen, this.form.get('device'));
    await listed;
    this.#ready();
    if (problems.length) {
      const remedy = autostart
        ? 'nothing was started: press Generate for the settings that are shown'
        : 'those settings have their defaults';
      this.message.show(
        new ScorefieldError('setting', problems.join('; '), { where: 'the address of this page', remedy }),
      );
    }
    if (willRun) this.#refuse(await this.generate());
    else if (Object.keys(values).length + problems.length === 0) await this.#showRecorded();
  }

  /** What an address asks for and the form refuses; a field's own words fade, and nobody pressed a button for them. */
  #refuse(wrong) {
    if (!wrong) return;
    const remedy = 'nothing was started: press Generate once it is changed';
    this.message.show(new ScorefieldError('setting', wrong, { where: 'the address of this page', remedy }));
  }

  /** From here on buttons work. */
  #ready() {
    this.status.state = 'idle';
    this.#one('#generate').disabled = false;
    this.#refresh();
  }

  /** Whether the model is of another site; what is no address at all is a problem, and no value. */
  #check(values, problems) {
    if (values.model === undefined) return false;
    try {
      return resolve(values.model).foreign;
    } catch (error) {
      problems.push(`model: ${error.what}`);
      delete values.model;
      return true;
    }
  }

  async #list(asked) {
    try {
      this.#models = await models();
    } catch (error) {
      this.#unlisted = ScorefieldError.from(error);
      if (asked === null) this.message.show(this.#unlisted);
    }
    this.#source = asked ?? (this.#models.find((model) => model.default) ?? this.#models[0])?.name ?? null;
    this.session.settle(this.#source);
    this.form.showModels(this.#models, this.#source);
    this.form.model = this.#known();
  }

  /** What is known of the chosen model before it is loaded. */
  #known() {
    const shipped = this.#models.find((model) => model.name === this.#source);
    return shipped ? { density: shipped.kind === 'mixture' } : {};
  }

  /** What was chosen, or why nothing could be. */
  #chosen() {
    if (this.#source !== null) return this.#source;
    throw (
      this.#unlisted ??
      new ScorefieldError('not-found', 'no model is chosen', {
        remedy: 'choose a model or drop a weights file on the page',
      })
    );
  }

  /** Whatever fails is told: nothing that a reader does ends in an error that nobody sees. */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.message.show(ScorefieldError.from(error));
    }
  }

  #listen() {
    const on = (target, type, listener) => {
      target.addEventListener(type, (event) => this.#try(() => listener(event)), { signal: this.#end.signal });
    };
    const click = (selector, listener) => on(this.#one(selector), 'click', listener);
    const form = this.#one('#settings');
    on(form, 'submit', (event) => {
      event.preventDefault();
      return this.generate();
    });
    on(form, 'change', ({ target }) => this.#change(target));
    on(form, 'input', ({ target }) => {
      if (target.name === 'n' && !this.figure.context && !this.session.busy) this.figure.placeholder(this.#count());
    });
    click('#reseed', () => {
      this.form.fill({ seed: String(Math.floor(Math.random() * 1e6)) });
      return this.generate();
    });
    click('#pause', () => this.#pause());
    click('#cancel', () => this.cancel());
    click('#png', () => this.#download());
    click('#copy', () => this.#copy());
    on(this.#scope, 'keydown', ({ key }) => key === 'Escape' && this.session.busy && this.cancel());
    this.#takeDrops(on);
    const { session, figure, status } = this;
    on(session, 'state', ({ detail }) => this.#state(detail));
    on(session, 'progress', ({ detail }) => status.loading(detail));
    on(session, 'device', ({ detail }) => status.device(detail));
    on(session, 'model', ({ detail }) => this.#loaded(detail));
    on(session, 'begin', ({ detail }) => this.#begin(detail));
    on(session, 'step', ({ detail }) => this.#step(detail));
    on(session, 'recover', ({ detail }) => {
      figure.secure();
      status.say(`The engine stopped (${detail.reason}); another one goes on.`);
    });
    on(figure, 'lost', ({ detail }) => status.say(`${detail} frames were lost with the GPU.`));
    on(figure, 'fault', ({ detail }) => {
      throw detail;
    });
    on(figure, 'unfocus', () => this.#one('#generate').focus());
    session.pace = () => this.#pace();
  }

  #takeDrops(on) {
    let depth = 0;
    const over = (change) => {
      depth = Math.max(0, depth + change);
      this.#one('.stage').classList.toggle('dropping', depth > 0);
    };
    on(this.#scope, 'dragenter', () => over(1));
    on(this.#scope, 'dragleave', () => over(-1));
    on(this.#scope, 'dragover', (event) => event.preventDefault());
    on(this.#scope, 'drop', (event) => {
      event.preventDefault();
      over(-depth);
      const file = event.dataTransfer.files[0];
      return file && this.#open(file);
    });
  }

  #change(target) {
    this.form.changed(target);
    if (target.name === 'show') this.figure.kind = target.value;
    if (target.name === 'model' && target.value !== '') this.#choose(target.value);
    this.#refresh();
    return target.id === 'file' && target.files[0] ? this.#open(target.files[0]) : undefined;
  }

  #choose(source) {
    this.#source = source;
    this.question.hide();
    this.form.fill({ label: '' });
    this.form.model = this.#known();
  }

  #open(file) {
    this.#choose(file);
    this.form.showModels(this.#models, file);
    return this.generate();
  }

  #count() {
    const n = Number(this.form.get('n'));
    return n >= 1 && n <= FIELDS.n.max ? Math.floor(n) : Number(FIELDS.n.initial);
  }

  /** The form's values, with the model's name or address if it has one. */
  #values() {
    const values = this.form.values();
    if (typeof this.#source === 'string') values.model = this.#source;
    return values;
  }

  /** Starts what the form asks for; what the form refuses, in words, else null. */
  async generate() {
    const wrong = this.form.check();
    if (wrong !== null) return wrong;
    const source = this.#chosen();
    const { foreign, url, site } = resolve(source);
    if (foreign && !this.session.hasAgreed(source)) {
      this.#ask(source, { url, site });
      return null;
    }
    this.message.hide();
    this.question.hide();
    const values = this.#values();
    this.#asked = { values, settings: toSettings(values), source };
    this.figure.expect(this.#count(), this.#arePoints(source));
    this.#refresh();
    await this.session.generate({ source, device: values.device, settings: this.#asked.settings });
    return null;
  }

  /** Whether the samples are points, in one picture, as far as that is known before there are any. */
  #arePoints(source) {
    return /\.toml$/i.test(source instanceof File ? source.name : source);
  }

  cancel() {
    this.session.cancel();
  }

  #ask(source, target) {
    this.question.ask(target, () => {
      this.session.agree(source);
      return this.#try(() => this.generate());
    });
  }

  #loaded(model) {
    this.status.device(model);
    this.form.showClasses(model.classes);
    const isMixture = model.kind === 'mixture';
    // A mixture without a process is a clean density.
    const process = model.manifest.process?.kind ?? (isMixture ? 'none' : null);
    this.form.model = { density: isMixture, process };
  }

  #begin({ model }) {
    this.figure.begin({ ...this.#asked, title: model.title, classes: model.classes });
  }

  #step(step) {
    this.figure.push(step);
    this.status.step(step, this.#asked.settings);
    if (step.index === 1) this.#refresh();
  }

  #state({ state, error }) {
    const { status, figure } = this;
    const ended = !['loading', 'sampling'].includes(state);
    status.state = state;
    if (ended) {
      figure.restore();
      const foreign = error?.code === 'foreign';
      if (foreign) this.#ask(this.#asked.source, { url: error.where, site: null });
      else if (error) this.message.show(error);
      if (foreign) status.state = 'idle';
    }
    status.announce(status.state, state === 'done' ? this.#one('#caption').textContent : '');
    this.#refresh();
  }

  /** The first picture is out before the workers take all cores again; where nothing is painted, nobody waits. */
  async #pace() {
    if (this.#painted) return;
    this.#painted = true;
    const frame = new Promise((then) => requestAnimationFrame(() => setTimeout(then)));
    await Promise.race([frame, new Promise((then) => setTimeout(then, 50))]);
  }

  #pause() {
    const paused = this.session.pause();
    this.#one('#pause').textContent = paused ? 'Resume' : 'Pause';
    this.status.say(paused ? 'Paused' : 'Going on');
  }

  /** Buttons, address and snippet as things are now. */
  #refresh() {
    const { isBusy, state } = this.status;
    this.#enable('#cancel', isBusy);
    this.#enable('#pause', state === 'sampling');
    const paused = this.session.run?.state === 'paused';
    this.#one('#pause').textContent = paused ? 'Resume' : 'Pause';
    this.#enable('#png', Boolean(this.figure.context));
    this.#address?.write(writeAddress(this.#told(), { autostart: this.#autostart }));
    this.#one('#snippet').textContent = snippet(this.#values(), this.#address?.base ?? '');
  }

  /** What an address tells: the picture that is shown or on its way, as it is shown; before there is one, the form. */
  #told() {
    const run = this.session.busy ? this.#asked : this.figure.context;
    return { ...(run?.values ?? this.#values()), show: this.form.get('show') };
  }

  /** A button that goes out does not take the focus with it. */
  #enable(selector, enabled) {
    const button = this.#one(selector);
    if (!enabled && button.getRootNode().activeElement === button) this.#one('#generate').focus();
    button.disabled = !enabled;
  }

  async #download() {
    const { settings } = this.figure.context;
    let file;
    try {
      file = await this.figure.png();
    } catch (error) {
      throw ScorefieldError.from(error, 'io', { remedy: 'use fewer samples' });
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `scorefield-${settings.sampler}-seed${settings.seed}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** A link that draws the picture that is shown by itself. */
  async #copy() {
    const values = this.#told();
    const query = writeAddress(values, { autostart: values.model !== undefined });
    const link = new URL(query, this.#address?.base ?? document.baseURI).href;
    try {
      await navigator.clipboard.writeText(link);
    } catch (cause) {
      const remedy = 'copy it from here';
      throw new ScorefieldError('io', 'the browser does not let this page use the clipboard', {
        where: link,
        remedy,
        cause,
      });
    }
    const button = this.#one('#copy');
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy link'), 2000);
    this.status.say(values.model === undefined ? 'Copied; whoever opens it needs your file, too' : 'Copied');
  }

  /** Something to look at before anything is asked for: a run that was recorded, played once. */
  async #showRecorded() {
    const run = await recordedRun();
    if (!run || this.session.busy || this.figure.context) return;
    // A model's classes are known when it is loaded; those of this one are now.
    if (run.context.values.model === this.#source) this.form.showClasses(run.context.classes);
    this.figure.begin({ ...run.context, recorded: true });
    for (const step of run.steps) this.figure.push(step);
    this.#refresh();
    this.figure.replay();
  }

  dispose() {
    this.#end.abort();
    this.session.dispose();
    this.figure.close();
  }
}
