// What the page says: numbers, steps, and texts of any length, in words. No elements.

/** Three significant digits. */
export function format(value) {
  return Number(value.toPrecision(3)).toString();
}

/** A text that fits where it is shown: its beginning and its end. */
export function cut(text, most = 240) {
  if (text.length <= most) return text;
  const tail = Math.floor(most / 4);
  return `${text.slice(0, most - tail)} … ${text.slice(-tail)}`;
}

/** What follows a setting's name, where a text begins with one. */
const OF_A_NAME = '=|is not a setting|is there twice|does not apply';
const BEGINS_WITH_A_WORD = new RegExp(`^[a-z]+ (?!${OF_A_NAME})`);

/** With a capital; names of settings and files stay as they are. */
export function sentence(text) {
  return BEGINS_WITH_A_WORD.test(text) ? capital(text) : text;
}

export function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** Whether the last of a run's updates is the final denoising, which nobody counts among the steps asked for. */
function denoises({ steps, times, denoise }, total) {
  const asked = times ? times.length - 1 : steps;
  return denoise !== false && total === asked + 1;
}

/** How many steps a run has, as it was asked for; null where the sampler chooses. */
export function stepsOf({ total }, settings) {
  return total && denoises(settings, total) ? total - 1 : total;
}

/** How far a run is: "step 3 of 18", "18 steps and the final denoising". */
export function progressOf(step, settings) {
  const asked = stepsOf(step, settings);
  if (!asked) return step.done ? count(step.index, 'step') : `step ${step.index}`;
  if (step.index > asked) return `${count(asked, 'step')} and the final denoising`;
  return step.done ? count(asked, 'step') : `step ${step.index} of ${asked}`;
}

/** "1 step", "2 steps". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Samples in a sentence: "One sample", "Sixteen samples", "40 samples". */
export function samples(n) {
  const small = ['', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten', 'Eleven', 'Twelve'];
  const word = n === 16 ? 'Sixteen' : (small[n] ?? String(n));
  return `${word} sample${n === 1 ? '' : 's'}`;
}
