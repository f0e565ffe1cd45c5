// The lab's form: fields made of the settings' table, for the first field and for what the second has otherwise.

import { FIELDS, SECONDS, applies, plain, problem, processOf, sideOf } from './settings.js';
import { obstacle, usualSteps } from '../page/settings.js';
import { wrongIn } from '../page/wrong.js';

export class Form {
  #form;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    for (const [name, { group }] of Object.entries(FIELDS)) if (group && !FIELDS[name].text) this.#place(group, name);
    for (const name of SECONDS) this.#place('second', name);
    for (const name of ['speed', 'by']) fill(this.field(name), FIELDS[name]);
  }

  #place(group, name) {
    const extra = FIELDS[plain(name)].extra;
    this.#form.querySelector(`[data-fields="${group}${extra ? '-extra' : ''}"]`).append(makeField(name));
  }

  /** By the name alone: a form's list of elements knows ids, too. */
  field(name) {
    return this.#form.querySelector(`[name="${name}"]`);
  }

  /** All values as text; those of no field are the caller's. */
  values() {
    return Object.fromEntries(
      [...Object.keys(FIELDS), ...SECONDS].flatMap((name) =>
        this.field(name) ? [[name, this.field(name).value.trim()]] : [],
      ),
    );
  }

  /** Fills in values and shows the fields that apply. */
  fill(values) {
    for (const [name, text] of Object.entries(values)) if (this.field(name)) this.field(name).value = text;
    this.refresh();
  }

  refresh() {
    const values = this.values();
    for (const name of [...Object.keys(FIELDS), ...SECONDS]) {
      const field = this.field(name);
      const label = field?.closest('label[data-field]');
      if (!label) continue;
      const own = name !== plain(name) ? values : sideOf(values, 'a');
      label.hidden = !applies(name, own) || label.dataset.kept === 'away';
      field.disabled = !applies(name, own);
      this.#judge(name, field);
    }
    for (const [name, side] of [
      ['sampler', 'a'],
      ['b.sampler', 'b'],
    ]) {
      const own = sideOf(values, side);
      for (const option of this.field(name).options) {
        if (!option.value) continue;
        const why = obstacle(option.value, {
          density: own.energy === 'on' || own.score === 'truth',
          process: processOf(own),
        });
        option.disabled = why !== null;
        option.textContent = FIELDS.sampler.titles[option.value] + (why ? ` (${why})` : '');
      }
      const field = this.field(name);
      // One that cannot run here gives way to the usual one that can.
      if (field.selectedOptions[0]?.disabled) field.value = processOf(own) === 'none' ? 'ula' : 'heun';
      const steps = this.field(name.replace('sampler', 'steps'));
      steps.placeholder = usualSteps(own.sampler) ?? '';
    }
    for (const group of this.#form.querySelectorAll('[data-fields$="-extra"]')) {
      const details = group.closest('details');
      details.hidden = [...group.children].every((label) => label.hidden);
    }
  }

  #judge(name, field) {
    const text = field.value.trim();
    const { title, initial } = FIELDS[plain(name)];
    const missing = text === '' && initial !== '' && name === plain(name) ? 'a value is needed' : null;
    const wrong = field.disabled
      ? null
      : (missing ?? (text === '' && !field.validity.badInput ? null : problem(name, text)));
    field.setCustomValidity(wrong ? `${title}: ${wrong}` : '');
    field.setAttribute('aria-invalid', Boolean(wrong));
  }

  /** What is wrong with the first field that will not do, which is shown; null where all will. */
  check() {
    this.refresh();
    return wrongIn(this.#form);
  }
}

function makeField(name) {
  const { title, help, wide } = FIELDS[plain(name)];
  const label = document.createElement('label');
  label.dataset.field = name;
  if (help) label.title = help;
  const input = document.createElement(FIELDS[plain(name)].choices ? 'select' : 'input');
  input.name = name;
  fill(input, FIELDS[plain(name)], name !== plain(name));
  label.append(`${title} `, input);
  label.classList.toggle('wide', Boolean(wide || input.tagName === 'SELECT'));
  return label;
}

/** Options of a list, or the limits of a number. */
function fill(
  input,
  { choices, titles, groups, min, max, whole, list, usual, placeholder, initial, sampling, title },
  second = false,
) {
  if (!choices) {
    input.type = list ? 'text' : 'number';
    if (!list) Object.assign(input, { min, max, step: whole ? '1' : 'any', inputMode: whole ? 'numeric' : 'decimal' });
    input.placeholder = second ? 'as A' : (placeholder ?? usual ?? '');
    return;
  }
  if (second) input.add(new Option('as A', ''));
  else if (sampling && initial === '')
    input.add(new Option(placeholder ?? (titles[usual] ? `default: ${titles[usual]}` : 'the sampler’s own'), ''));
  for (const choice of choices) {
    const name = groups?.[choice]?.group;
    let into = input;
    if (name) {
      into = [...input.children].find(({ label, tagName }) => tagName === 'OPTGROUP' && label === name);
      if (!into) input.append((into = Object.assign(document.createElement('optgroup'), { label: name })));
    }
    into.append(new Option(titles[choice] ?? title, choice));
  }
}
