/* The axis of a day: draws the columns that the server gives, zooms, and says in the address what is seen.
   No library: a canvas draws 10,000 segments in a few milliseconds. */
"use strict";
(() => {
  const root = document.getElementById("timeline");
  if (!root) return;
  const canvas = root.querySelector("canvas"), said = root.querySelector("output"), pen = canvas.getContext("2d");
  const dayMs = Date.parse(root.dataset.day + "T00:00:00Z"), leastMs = 500;
  const axisPx = 26, lanePx = 28, leastPx = 110, mostPx = 352;
  const steps = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5];
  let data, whole, view, chosen = -1, moved = false, paints = 0;

  const clock = (ms, fine) => new Date(data.start + ms).toISOString().slice(11, fine ? 23 : 19);
  const x = (ms) => (ms - view[0]) / (view[1] - view[0]) * canvas.clientWidth;
  const laneTop = (lane) => axisPx + lane * laneHeight();
  const laneHeight = () => Math.min(lanePx, (canvas.clientHeight - axisPx) / Math.max(1, data.lanes));
  const clamp = (from, to) => {
    const length = Math.min(Math.max(to - from, leastMs), whole[1] - whole[0]);
    const start = Math.min(Math.max(from, whole[0]), whole[1] - length);
    return [start, start + length];
  };

  function paint() {
    paints = 0;
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue("--" + name).trim();
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio; canvas.height = height * ratio;
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    ticks(width, height, of);
    const tall = Math.max(2, laneHeight() - 2), hatch = hatching(of("abstained"));
    const lanes = new Float64Array(data.lanes);
    data.answers.forEach((answer, number) => {
      lanes.fill(-Infinity);
      pen.fillStyle = answer === "abstained" ? hatch : of(answer);
      pen.strokeStyle = of(answer);
      for (let k = 0; k < data.id.length; k++) {
        if (data.answer[k] !== number || data.to[k] < view[0] || data.from[k] > view[1]) continue;
        const left = x(data.from[k]), wide = Math.max(2, x(data.to[k]) - left), top = laneTop(data.lane[k]) + 1;
        // Of many that begin within a pixel one is drawn.
        if (wide === 2 && left < lanes[data.lane[k]] && !data.reviewed[k]) continue;
        lanes[data.lane[k]] = left + 1;
        pen.globalAlpha = number < 5 ? .35 + .65 * (data.confidence[k] ?? 1) : 1;
        if (answer !== "unscored") pen.fillRect(left, top, wide, tall);
        if (data.reviewed[k]) {
          pen.globalAlpha = 1;
          pen.fillStyle = of(data.reviewed[k] > 1 ? "warn" : "ink");
          pen.fillRect(left, top + tall - 3, wide, 3);
          pen.fillStyle = answer === "abstained" ? hatch : of(answer);
        }
        if (number >= 5 && wide > 3) pen.strokeRect(left + .5, top + .5, wide - 1, tall - 1);
      }
    });
    pen.globalAlpha = 1;
    if (chosen >= 0) {
      const left = x(data.from[chosen]), wide = Math.max(4, x(data.to[chosen]) - left);
      pen.strokeStyle = of("ink"); pen.lineWidth = 2;
      pen.strokeRect(left - 1, laneTop(data.lane[chosen]), wide + 2, tall + 2);
      pen.lineWidth = 1;
    }
  }

  function hatching(colour) {
    const tile = document.createElement("canvas"), line = tile.getContext("2d");
    tile.width = tile.height = 6;
    line.strokeStyle = colour; line.lineWidth = 1.5;
    line.beginPath(); line.moveTo(-1, 7); line.lineTo(7, -1); line.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function ticks(width, height, of) {
    const least = (view[1] - view[0]) / Math.max(2, width / 90);
    const step = steps.find((each) => each >= least) ?? steps.at(-1), offset = (data.start - dayMs) % step;
    pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "top";
    for (let ms = Math.ceil((view[0] + offset) / step) * step - offset; ms <= view[1]; ms += step) {
      const at = Math.round(x(ms)) + .5;
      pen.strokeStyle = of("line"); pen.beginPath(); pen.moveTo(at, axisPx - 6); pen.lineTo(at, height); pen.stroke();
      pen.fillStyle = of("soft");
      if (at < width - 60) pen.fillText(step < 1000 ? clock(ms, true).slice(0, -2) : clock(ms), at + 3, 4);
    }
  }

  function later() { if (!paints) paints = requestAnimationFrame(paint); }

  function look(from, to) {
    view = clamp(from, to);
    later();
    const all = view[0] === whole[0] && view[1] === whole[1], query = new URLSearchParams(root.dataset.view);
    if (!all) { query.set("from", clock(view[0], true)); query.set("to", clock(view[1], true)); }
    root.dataset.query = query.toString();
    history.replaceState(null, "", "?" + query);
    for (const link of document.querySelectorAll("a.export")) link.href = link.pathname + "?" + query;
    for (const name of ["from", "to"]) document.querySelector(`input[name=${name}]`).value = query.get(name) ?? "";
  }

  const zoom = (factor, at = (view[0] + view[1]) / 2) =>
    look(at - (at - view[0]) * factor, at + (view[1] - at) * factor);
  const shift = (share) => look(view[0] + share * (view[1] - view[0]), view[1] + share * (view[1] - view[0]));
  const acts = { in: () => zoom(.5), out: () => zoom(2), left: () => shift(-.3), right: () => shift(.3), all: () => look(...whole) };

  function choose(number) {
    chosen = number;
    if (number < 0) { said.textContent = ""; return later(); }
    const answer = data.answers[data.answer[number]], sure = data.confidence[number];
    said.textContent = `${clock(data.from[number], true)}: ${answer}` + (data.answer[number] < 5 && sure !== null ? ` ${sure.toFixed(2)}` : "");
    if (data.to[number] < view[0] || data.from[number] > view[1]) {
      const half = (view[1] - view[0]) / 2;
      look(data.from[number] - half, data.from[number] + half);
    }
    later();
  }

  const open = () => { if (chosen >= 0) location.href = root.dataset.segments + data.id[chosen] + "?" + root.dataset.query; };

  function under(event) {
    const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    const lane = Math.floor((py - axisPx) / laneHeight());
    let best = -1, away = 6;
    for (let k = 0; k < data.id.length; k++) {
      if (data.lane[k] !== lane) continue;
      const far = Math.max(x(data.from[k]) - px, px - x(data.to[k]), 0);
      if (far < away) { best = k; away = far; }
    }
    return best;
  }

  const keys = { "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.all, ArrowLeft: acts.left, ArrowRight: acts.right, Enter: open,
    n: () => choose(Math.min(chosen + 1, data.id.length - 1)), p: () => choose(Math.max(chosen - 1, 0)) };

  function listen() {
    root.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => acts[button.dataset.do]()));
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * .002), view[0] + (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth * (view[1] - view[0]));
    }, { passive: false });
    let held = null;
    canvas.addEventListener("pointerdown", (event) => { held = [event.clientX, ...view]; moved = false; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) { const found = under(event); if (found >= 0 && found !== chosen) choose(found); return; }
      const by = (held[0] - event.clientX) / canvas.clientWidth * (held[2] - held[1]);
      if (Math.abs(held[0] - event.clientX) > 3) moved = true;
      if (moved) look(held[1] + by, held[2] + by);
    });
    canvas.addEventListener("pointerup", (event) => {
      held = null;
      if (moved) return;
      const found = under(event);
      if (found >= 0) { choose(found); open(); }
    });
    new ResizeObserver(later).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  }

  async function start() {
    const asked = new URLSearchParams(location.search);
    data = await (await fetch(root.dataset.columns)).json();
    if (!data.id.length) return;
    root.hidden = false;
    canvas.style.height = Math.min(mostPx, Math.max(leastPx, axisPx + data.lanes * lanePx)) + "px";
    const end = data.to.reduce((most, each) => Math.max(most, each), 0), rim = Math.max(500, end * .01);
    whole = [-rim, end + rim];
    const at = (name, otherwise) => asked.get(name) ? Date.parse(`${root.dataset.day}T${asked.get(name)}Z`) - data.start : otherwise;
    listen();
    view = clamp(at("from", whole[0]), at("to", whole[1]));
    root.dataset.query = location.search.slice(1);
    paint();
    performance.mark("timeline");
  }
  start();
})();
