// The first field of a form that will not do.

/** What is wrong with the first field that will not do, which is shown; null where all will. */
export function wrongIn(form) {
  const wrong = [...form.elements].find((field) => field.willValidate && !field.validity.valid);
  if (!wrong) return null;
  for (let panel = wrong.closest('details'); panel; panel = panel.parentElement.closest('details')) panel.open = true;
  wrong.focus();
  wrong.reportValidity();
  return wrong.validationMessage;
}
