/* Plays the stretch around the segment again and again, from whichever source the browser took; shows the frame that a
   bound is moved to; digits answer. */
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
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]):not([type=range])")) return;
    const label = form.elements.label[Number(event.key) - 1];
    if (label) { label.checked = true; label.focus(); }
  });
})();
