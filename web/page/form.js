// The form: fields made of the settings' table, their values as text, and what is wrong with them in words.

import { FIELDS, SAMPLERS, applies, problem } from './settings.js';
import { cut } from './words.js';

export class Form {
  #form;
  /** A number of steps that nobody chose follows the sampler. */
  #stepsChosen = false;
  /** What the model can do: null while nobody knows. */
  #hasDensity = null;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#build();
    for (const [name, { initial }] of Object.entries(FIELDS))
      if (initial !== undefined) this.#field(name).value = initial;
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

  /** Shows the fields that apply, and says of every field whether its value will do. */
  refresh() {
    const sampler = this.get('sampler');
    for (const label of this.#form.querySelectorAll('#extra [data-field]')) {
      label.hidden = !applies(label.dataset.field, sampler);
      // What is hidden is not asked, either.
      this.#field(label.dataset.field).disabled = label.hidden;
    }
    const steps = this.#field('steps');
    if (!this.#stepsChosen || steps.value === '') steps.value = SAMPLERS[sampler].steps ?? 1;
    steps.closest('label').hidden = steps.disabled = SAMPLERS[sampler].steps === null;
    this.#field('guidance').disabled = this.get('label') === '';
    this.#field('guidance').placeholder = this.get('label') === '' ? 'needs a class' : '1';
    this.#one('#sampler-note').textContent = SAMPLERS[sampler].note ?? '';
    this.#one('#sampler-note').hidden = !SAMPLERS[sampler].note;
    for (const name of Object.keys(FIELDS)) this.#judge(name);
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
    const needs =
      name === 'sampler' && !this.#can(text)
        ? 'This sampler needs a density, which this model does not have: choose another'
        : null;
    field.setCustomValidity(words ?? needs ?? '');
    field.setAttribute('aria-invalid', Boolean(words ?? needs));
  }

  #can(sampler) {
    return this.#hasDensity !== false || !SAMPLERS[sampler]?.needs_density;
  }

  /** Leaves out what a model cannot do; null where nobody knows yet. */
  set hasDensity(has) {
    this.#hasDensity = has;
    for (const option of this.#field('sampler').options) {
      option.disabled = !this.#can(option.value);
      option.textContent = SAMPLERS[option.value].title + (option.disabled ? ' (needs a density)' : '');
    }
    this.refresh();
  }

  /** Whether all will do; else the first field that will not is shown, with what is wrong. */
  check() {
    this.refresh();
    const wrong = [...this.#form.elements].find((field) => field.willValidate && !field.validity.valid);
    if (!wrong) return true;
    for (let panel = wrong.closest('details'); panel; panel = panel.parentElement.closest('details')) panel.open = true;
    wrong.focus();
    wrong.reportValidity();
    return false;
  }

  /** The values that apply, as text; without the model, which is not the form's to name. */
  values() {
    const values = {};
    const sampler = this.get('sampler');
    for (const name of Object.keys(FIELDS)) {
      if (name === 'model' || !applies(name, sampler) || this.#field(name).disabled) continue;
      values[name] = this.get(name).trim();
    }
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
function makeField(name, field) {
  const label = document.createElement('label');
  label.dataset.field = name;
  label.append(`${field.title} `);
  let input;
  if (field.choices) {
    input = document.createElement('select');
    input.add(new Option(field.default === undefined ? 'its own' : `default: ${field.default}`, ''));
    for (const choice of field.choices) input.add(new Option(choice, choice));
  } else {
    input = document.createElement('input');
    const { min, max, placeholder = '', whole, list } = field;
    if (list) Object.assign(input, { type: 'text', placeholder, spellcheck: false });
    else Object.assign(input, { type: 'number', min, max, placeholder, step: whole ? '1' : 'any' });
    input.inputMode = list ? 'text' : whole ? 'numeric' : 'decimal';
  }
  input.name = name;
  if (field.help) label.title = field.help;
  label.append(input);
  return label;
}
