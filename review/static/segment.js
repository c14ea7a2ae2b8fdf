/* Plays the stretch around the segment again and again, from whichever source the browser took; shows the frame that a
   bound is moved to, by its slider or by its line on the curves; digits answer. */
"use strict";
(() => {
  const clip = document.getElementById("clip"), form = document.getElementById("review");
  if (!clip) return;
  const from = Number(clip.dataset.from), to = Number(clip.dataset.to);
  // The copy begins at the stretch, the recording at its own start.
  const start = () => (clip.currentSrc.includes("/stretch") ? from : 0);
  const again = () => { clip.currentTime = from - start(); clip.play(); };
  clip.addEventListener("timeupdate", () => { if (!clip.paused && clip.currentTime + start() > to) again(); });
  clip.addEventListener("ended", again);
  if (!form) return;

  const first = Number(form.dataset.first), times = form.dataset.times.split(" ").map(Number);
  const bounds = ["onset", "apex", "offset"].map((name) => form.elements[name]);
  const tell = (bound) => {
    const time = times[bound.value - first];
    bound.nextElementSibling.textContent = `frame ${bound.value}, ${time.toFixed(2)} s`;
    return time;
  };
  bounds.forEach((bound, place) => {
    tell(bound);
    bound.addEventListener("input", () => {
      // The three keep their order: one that is moved takes the others along.
      bounds.forEach((other, at) => {
        if ((at - place) * (other.value - bound.value) < 0) { other.value = bound.value; tell(other); }
      });
      clip.pause();
      clip.currentTime = tell(bound) - start() + .001;
    });
  });
  // A line on the curves is another hold of the same slider, which stays what is sent.
  function hold(bound, curves, axis) {
    const line = document.createElement("div"), low = Number(bound.min), high = Number(bound.max);
    const at = (share) => axis.from_s + (share - axis.left) / (axis.right - axis.left) * (axis.to_s - axis.from_s);
    const nearest = (time) => times.reduce((best, each, k) => (Math.abs(each - time) < Math.abs(times[best] - time) ? k : best), 0);
    const move = (frame) => {
      bound.value = Math.min(high, Math.max(low, frame));
      bound.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const place = () => {
      const share = axis.left + (times[bound.value - first] - axis.from_s) / (axis.to_s - axis.from_s) * (axis.right - axis.left);
      line.style.left = `${100 * share}%`;
      line.setAttribute("aria-valuenow", bound.value);
      line.setAttribute("aria-valuetext", bound.nextElementSibling.textContent);
    };
    line.className = `handle ${bound.name}`;
    line.style.top = `${100 * axis.top}%`;
    line.style.height = `${100 * (axis.bottom - axis.top)}%`;
    Object.entries({ role: "slider", tabindex: 0, "aria-label": `${bound.name} on the curves`, "aria-valuemin": low, "aria-valuemax": high })
      .forEach(([name, value]) => line.setAttribute(name, value));
    line.append(Object.assign(document.createElement("span"), { textContent: bound.name, ariaHidden: true }));
    line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); line.focus(); event.preventDefault(); });
    line.addEventListener("pointermove", (event) => {
      if (!line.hasPointerCapture(event.pointerId)) return;
      const box = curves.getBoundingClientRect();
      move(first + nearest(at((event.clientX - box.left) / box.width)));
    });
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    line.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      move(Number(bound.value) + steps[event.key]);
    });
    form.addEventListener("input", place);
    curves.append(line);
    place();
  }
  (async () => {
    const curves = document.querySelector(".curves");
    const answer = curves && await fetch(curves.dataset.axis);
    if (answer?.ok) { const axis = await answer.json(); bounds.forEach((bound) => hold(bound, curves, axis)); }
  })();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]):not([type=range])")) return;
    const label = form.elements.label[Number(event.key) - 1];
    if (label) { label.checked = true; label.focus(); }
  });
})();
