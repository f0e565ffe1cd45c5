// The caption: what is shown, how it was made, and from which noise.

import { SAMPLERS } from './settings.js';
import { count, cut, format, progressOf, samples } from './words.js';

/**
 * Writes it, and gives the picture's name for those who do not see it.
 *
 * @param {HTMLElement} caption
 * @param {object} frame a step
 * @param {'x' | 'denoised'} kind
 * @param {{settings: object, title: string, classes: string[], recorded?: boolean}} context the frame's run
 */
export function writeCaption(caption, frame, kind, { settings, title, classes, recorded }) {
  const { label, sampler, seed, guidance } = settings;
  const name = label === undefined ? '' : (classes[label] ?? `class ${label}`);
  const drawn = settings.n ?? frame.n;
  const strong = document.createElement('strong');
  strong.textContent = `${samples(drawn)} of ${cut(title, 80)}${name && `, “${cut(name, 60)}”`}`;
  const steps = progressOf(frame, settings);
  const guided = guidance !== undefined && guidance !== 1 ? `, guidance ${guidance}` : '';
  const evaluations = `${count(frame.nfe, 'evaluation')} of the score`;
  const parts = [`, by ${SAMPLERS[sampler].caption}: ${steps}, ${evaluations}${guided}, seed ${seed}.`];
  if (!frame.done) {
    const shown = kind === 'x' ? math('x', 't') : math('x̂', '0');
    parts.push(' Shown: ', shown, ` at t = ${format(frame.t)}, σ = ${format(frame.sigma)}.`);
  }
  if (recorded) parts.push(' Recorded; Generate computes it here.');
  caption.replaceChildren(strong, ...parts);
  return `${frame.n === drawn ? 'A grid' : 'A picture'} of ${strong.textContent.toLowerCase()}, ${steps}`;
}

function math(letter, subscript) {
  const i = document.createElement('i');
  i.className = 'math';
  const sub = document.createElement('sub');
  sub.textContent = subscript;
  i.append(letter, sub);
  return i;
}
