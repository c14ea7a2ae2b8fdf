/* Plays the stretch around the segment again and again, from whichever source the browser took. */
"use strict";
(() => {
  const clip = document.getElementById("clip");
  if (!clip) return;
  const from = Number(clip.dataset.from), to = Number(clip.dataset.to);
  // The copy begins at the stretch, the recording at its own start.
  const start = () => (clip.currentSrc.includes("/stretch") ? from : 0);
  const again = () => { clip.currentTime = from - start(); clip.play(); };
  clip.addEventListener("timeupdate", () => { if (!clip.paused && clip.currentTime + start() > to) again(); });
  clip.addEventListener("ended", again);
})();
