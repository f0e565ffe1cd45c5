// The form: fields made of the settings' table, their values as text, and what is wrong with them in words.

import { FIELDS, SAMPLERS, applies, obstacle, problem, usualSteps } from './settings.js';
import { capital, cut } from './words.js';
import { wrongIn } from './wrong.js';

/** What becomes of a sampler that does not come down from noise, on a network. */
const STAYS =
  'It stays at one level of noise, where a network’s samples take very many steps: annealed Langevin is faster. ';

/** A help of the command line with the form's titles in place of its flags. */
function inWords(help) {
  return help.replaceAll(/--([\w-]+)/g, (flag, name) => FIELDS[name.replaceAll('-', '_')]?.title ?? flag);
}

export class Form {
  #form;
  /** A number of steps that nobody chose follows the sampler. */
  #stepsChosen = false;
  /** What is known of the model: `density` and `process`, null while nobody knows. */
  #model = {};

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#build();
    for (const [name, { initial }] of Object.entries(FIELDS)) {
      if (initial !== undefined) this.#field(name).value = initial;
    }
    this.refresh();
  }

  /** Fields by the table's names alone: the form's own names are not asked for. */
  #field(name) {
    return this.#form.elements.namedItem(name);
  }

  #one(selector) {
    return this.#form.querySelector(selector);
  }

  get(name) {
    return this.#field(name).value;
  }

  /** Fills the sampler list and the fields that only some samplers take. */
  #build() {
    const sampler = this.#field('sampler');
    for (const [name, { group, title }] of Object.entries(SAMPLERS)) {
      let list = [...sampler.children].find(({ label }) => label === group);
      if (!list) {
        list = Object.assign(document.createElement('optgroup'), { label: group });
        sampler.append(list);
      }
      list.append(new Option(title, name));
    }
    for (const [name, { min, max, extra }] of Object.entries(FIELDS)) {
      if (extra) this.#one('#extra').append(makeField(name, FIELDS[name]));
      else if (min !== undefined && name !== 'label') Object.assign(this.#field(name), { min, max });
    }
  }

  /** What was changed, by its element. */
  changed({ name }) {
    if (name === 'steps') this.#stepsChosen = true;
    this.refresh();
  }

  /** All values, those of fields that do not apply, too. */
  #all() {
    return Object.fromEntries(Object.keys(FIELDS).map((name) => [name, this.get(name).trim()]));
  }

  /** Shows the fields that apply, and says of every field whether its value will do. */
  refresh() {
    const sampler = SAMPLERS[this.get('sampler')];
    const steps = this.#field('steps');
    if (!this.#stepsChosen || steps.value === '') steps.value = usualSteps(sampler.name) ?? 1;
    const values = this.#all();
    for (const [name, { extra }] of Object.entries(FIELDS)) {
      if (!extra && name !== 'steps') continue;
      const field = this.#field(name);
      // What is hidden is not asked, either.
      field.disabled = !applies(name, values, this.#model.process);
      field.closest('label').hidden = field.disabled;
    }
    const guidance = this.#field('guidance');
    guidance.disabled = values.label === '';
    guidance.placeholder = guidance.disabled ? 'needs a class' : FIELDS.guidance.usual;
    this.#describe(sampler);
    for (const name of Object.keys(FIELDS)) this.#judge(name);
  }

  /** What the sampler does, in the form's words, and where it is from. */
  #describe({ help, paper, stays }) {
    const note = this.#one('#sampler-note');
    note.textContent = `${capital(inWords(help))}. `;
    if (stays && this.#model.density !== true) note.append(STAYS);
    if (paper.startsWith('https:')) {
      note.append(Object.assign(document.createElement('a'), { href: paper, textContent: 'Its paper' }));
    } else {
      note.append(paper);
    }
  }

  #judge(name) {
    const field = this.#field(name);
    if (!field.setCustomValidity || field.disabled) return;
    const text = field.value.trim();
    const missing = text === '' && field.required ? 'a number is needed' : null;
    // What a number field cannot read is empty, and not valid.
    const unread = field.validity.badInput ? problem(name, 'none') : null;
    const wrong = unread ?? missing ?? (text === '' ? null : problem(name, text));
    const words = wrong && `${FIELDS[name].title ?? name}: ${wrong}`;
    const why = name === 'sampler' ? obstacle(text, this.#model) : null;
    const needs = why && `This sampler cannot run on this model (${why}): choose another`;
    field.setCustomValidity(words ?? needs ?? '');
    field.setAttribute('aria-invalid', Boolean(words ?? needs));
  }

  /** Leaves out what a model cannot do, as far as that is known. */
  set model(model) {
    this.#model = model;
    for (const option of this.#field('sampler').options) {
      const why = obstacle(option.value, model);
      option.disabled = why !== null;
      option.textContent = SAMPLERS[option.value].title + (why ? ` (${why})` : '');
    }
    this.refresh();
  }

  /** What is wrong with the first field that will not do, which is shown; null where all will. */
  check() {
    this.refresh();
    return wrongIn(this.#form);
  }

  /** The values that apply, as text; without the model, which is not the form's to name. */
  values() {
    const values = this.#all();
    for (const name of Object.keys(values)) if (name === 'model' || this.#field(name).disabled) delete values[name];
    return values;
  }

  /** Takes values of an address, which have been looked at. */
  fill(values) {
    for (const [name, value] of Object.entries(values)) {
      if (name === 'model') continue;
      // The classes are known only when the model is: what was asked for stays until then.
      if (name === 'label') addOption(this.#field('label'), `class ${value}`, value);
      this.#field(name).value = value;
      if (name === 'steps') this.#stepsChosen = true;
    }
    this.refresh();
  }

  /** Lists models: names with titles, and what is chosen: a name, an address, or a File. */
  showModels(models, chosen) {
    const select = this.#field('model');
    select.replaceChildren(...models.map(({ name, title }) => new Option(cut(title, 80), name)));
    if (chosen instanceof File) {
      addOption(select, `${cut(chosen.name, 60)} (your file)`, '');
      select.value = '';
    } else if (chosen !== null) {
      addOption(select, cut(chosen, 80), chosen);
      select.value = chosen;
    }
  }

  /** Lists a model's classes; a label that it does not have stays, for the engine to refuse it in words. */
  showClasses(classes) {
    const select = this.#field('label');
    const before = select.value;
    select.replaceChildren(new Option(classes.length ? 'any' : 'none: an unconditional model', ''));
    classes.forEach((name, i) => select.add(new Option(cut(name, 60), i)));
    if (before !== '') addOption(select, `class ${before}`, before);
    select.value = before;
    this.refresh();
  }
}

function addOption(select, text, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(text, value));
}

/** A setting that only some samplers take. */
function makeField(name, { title, choices, titles, usual, placeholder, min, max, whole, list, help }) {
  const label = document.createElement('label');
  label.dataset.field = name;
  label.title = inWords(help);
  label.append(`${title} `);
  let input;
  if (choices) {
    input = document.createElement('select');
    input.add(new Option(usual === null ? placeholder : `default: ${titles[usual]}`, ''));
    for (const choice of choices) input.add(new Option(titles[choice], choice));
  } else {
    input = document.createElement('input');
    const hint = placeholder ?? usual ?? '';
    if (list) Object.assign(input, { type: 'text', placeholder: hint, spellcheck: false });
    else Object.assign(input, { type: 'number', min, max, placeholder: hint, step: whole ? '1' : 'any' });
    input.inputMode = list ? 'text' : whole ? 'numeric' : 'decimal';
  }
  input.name = name;
  label.append(input);
  const words = choices ? input.options[0].text : input.placeholder;
  label.classList.toggle('wide', words.length > 14);
  return label;
}
