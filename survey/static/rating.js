/* Digits 1 to 5, from the left, answer the pair at hand and go on to the next, 0 leaves it out; the answers are counted. */
"use strict";
(() => {
  const form = document.querySelector("form[action^='/segments/']"), said = document.getElementById("answered");
  const pairs = [...form.querySelectorAll("fieldset")], levels = (pair) => [...pair.querySelectorAll("input")];
  const chosen = (pair) => levels(pair).find((level) => level.checked);
  const count = () => { said.textContent = `${pairs.filter((pair) => chosen(pair).value).length} of ${pairs.length} answered`; };
  form.addEventListener("change", count);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[0-5]$/.test(event.key)) return;
    const own = pairs.indexOf(document.activeElement.closest("fieldset"));
    const at = own >= 0 ? own : Math.max(0, pairs.findIndex((pair) => !chosen(pair).value));
    event.preventDefault();
    levels(pairs[at]).at(Number(event.key) - 1).checked = true;  // from the left, and "no answer" is the last
    count();
    (at + 1 < pairs.length ? chosen(pairs[at + 1]) : form.querySelector("button[type=submit]")).focus();
  });
  count();
})();
