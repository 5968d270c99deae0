"use strict";
// Keys for the page of an answer: each clicks or enters what is there without them, too.
const on = document.getElementById("keys-on");
const kept = "autograde-desk-keys";
on.checked = localStorage.getItem(kept) !== "off";
on.addEventListener("change", () => localStorage.setItem(kept, on.checked ? "on" : "off"));
on.closest("p").hidden = false;

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (!on.checked || event.isComposing || event.altKey || event.metaKey) return;
  if (field) {
    if (event.key === "Escape") field.blur();
    if (event.key !== "Enter" || !event.ctrlKey) return;
    event.preventDefault();
    field.form.requestSubmit();
  } else if (!event.ctrlKey) {
    const place = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!place) return;
    event.preventDefault();
    if (place.matches("input, textarea, select")) place.focus();
    else place.click();
  }
});
