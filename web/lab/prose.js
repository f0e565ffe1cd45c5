// What the page says in words: the list of presets, a preset's claim, the captions of the panels; and what is hidden.

import { format } from '../page/words.js';

/** The list of presets as links; the chosen one is marked. */
export function showPresets(list, presets, chosen, queryOf) {
  list.replaceChildren(
    ...Object.entries(presets).map(([name, { title }]) => {
      const item = document.createElement('li');
      const link = Object.assign(document.createElement('a'), { href: queryOf(name), textContent: title });
      if (name === chosen) link.setAttribute('aria-current', 'true');
      item.append(link);
      return item;
    }),
  );
}

/** A preset's claim, with its source; nothing without one. */
export function showStory(section, preset) {
  section.hidden = !preset || section.dataset.kept === 'away';
  if (!preset) return;
  const { title, text, cite } = preset;
  const source = document.createElement('a');
  Object.assign(source, { href: cite.href, textContent: `${cite.name}, ${cite.where}` });
  const paragraphs = text.map((words) => Object.assign(document.createElement('p'), { textContent: words }));
  paragraphs.at(-1).append(' (', source, ')');
  section.replaceChildren(Object.assign(document.createElement('h2'), { textContent: title }), ...paragraphs);
}

/** What an objective does, with its paper. */
export function showObjective(note, { about, paper }) {
  note.replaceChildren(
    `${about} `,
    Object.assign(document.createElement('a'), { href: paper, textContent: 'Its paper' }),
  );
}

/** Captions that depend on what is shown. */
export function showCaptions(root, { shots, follow, sides, density }) {
  const write = (name, text) => (root.querySelector(`#cap-${name}`).textContent = text);
  const known = shots.a.arrows.truth !== null;
  const level = ({ level: { sigma } }) => (sigma ? `, σ = ${format(sigma)}` : '');
  write('truth', `Data${known ? ' and the true score s*' : ''}${level(shots.a)}`);
  const two = Boolean(shots.b);
  for (const [name, shot] of Object.entries(shots)) {
    const title =
      follow[name] === 'truth'
        ? 'True score s*'
        : sides[name].config.model.energy
          ? 'Learned score s = −∇E'
          : 'Learned score s';
    write(`field-${name}`, `${two ? `${name.toUpperCase()}: ` : ''}${title}${level(shot)}`);
  }
  write('density', `${density === 'learned' ? 'Learned log-density −E' : 'True log-density'}${level(shots.a)}`);
  write('difference-a', `Learned less true${two ? ', A' : ''}`);
}

/** Takes parts of the page away, by their names or by those of settings. */
export function hide(root, names) {
  for (const name of names) {
    const found = root.querySelectorAll(`[data-part="${CSS.escape(name)}"], [data-field="${CSS.escape(name)}"]`);
    for (const element of found) {
      element.dataset.kept = 'away';
      element.hidden = true;
    }
    if (name === 'controls') root.querySelector('#settings').classList.add('alone');
  }
}
