"use strict";
/* Read numbers off the charts, with the pointer or the keys. The data (from minigrad/viz/training/report.py):
   seconds   until the page is loaded anew, 0 for a run that has ended
   charts    for each figure where its axes are (left, right, top, bottom in pixels; x, y at the edges; log_x, log_y),
             its curves [name, steps, numbers], and `at` if the height of the pointer has a meaning of its own */
const { seconds, charts } = JSON.parse(document.getElementById("data").textContent);
if (seconds) setTimeout(() => location.reload(), 1000 * seconds);

const brief = (x) => !Number.isFinite(x) ? "" : x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5)
  ? x.toExponential(2).replace("-", "\u2212") : String(Number(x.toPrecision(4))).replace("-", "\u2212");

/* The position of the step nearest to x; steps rise. */
function nearest(steps, x) {
  let low = 0, high = steps.length - 1;
  while (low < high) { const middle = (low + high) >> 1; if (steps[middle] < x) low = middle + 1; else high = middle; }
  return low > 0 && x - steps[low - 1] < steps[low] - x ? low - 1 : low;
}

for (const figure of document.querySelectorAll("figure.chart")) {
  const chart = charts[Number(figure.dataset.chart)], svg = figure.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const line = document.createElement("i"), card = document.createElement("output");
  line.className = "line";
  card.className = "card";
  card.setAttribute("aria-live", "polite");
  line.hidden = card.hidden = true;
  figure.append(line, card);
  figure.setAttribute("role", "group");
  figure.setAttribute("aria-label", `${svg.getAttribute("aria-label")}. Arrow keys read the numbers.`);
  const every = [...new Set(chart.curves.flatMap(([, steps]) => steps))].sort((a, b) => a - b);
  let here = -1;

  function show(index, fraction) {
    here = Math.max(0, Math.min(every.length - 1, index));
    const step = every[here], [low, high] = chart.x;
    const x = chart.left + (step - low) / ((high - low) || 1) * (chart.right - chart.left);
    line.style.left = `${100 * x / width}%`;
    line.style.top = `${100 * chart.top / height}%`;
    line.style.height = `${100 * (chart.bottom - chart.top) / height}%`;
    const rows = [`step ${step.toLocaleString("en")}`];
    if (chart.at && fraction !== undefined) rows.push(`here: ${brief(chart.y[0] + fraction * (chart.y[1] - chart.y[0]))}`);
    for (const [name, steps, numbers] of chart.curves) {
      const k = nearest(steps, step), apart = Math.abs(steps[k] - step), gap = (high - low) / 20 + 1;
      const text = apart > gap ? "" : brief(Number(numbers[k]));
      if (text) rows.push(`${name}: ${text}`);
    }
    card.replaceChildren(...rows.map((row) => Object.assign(document.createElement("span"), { textContent: row })));
    line.hidden = card.hidden = false;
    card.classList.toggle("left", x > width / 2);
    card.style.left = x > width / 2 ? "" : `${100 * (x + 8) / width}%`;
    card.style.right = x > width / 2 ? `${100 * (1 - (x - 8) / width)}%` : "";
    card.style.top = `${100 * chart.top / height}%`;
  }
  const hide = () => { line.hidden = card.hidden = true; };

  figure.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), [low, high] = chart.x;
    const x = (event.clientX - box.left) / box.width * width, y = (event.clientY - box.top) / box.height * height;
    if (x < chart.left - 10 || x > chart.right + 10 || y < chart.top - 10 || y > chart.bottom + 10) { hide(); return; }
    const step = low + (x - chart.left) / (chart.right - chart.left) * (high - low);
    show(nearest(every, step), (chart.bottom - y) / (chart.bottom - chart.top));
  });
  figure.addEventListener("pointerleave", hide);
  figure.addEventListener("blur", hide);
  figure.addEventListener("keydown", (event) => {
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: every.length - 1 }[event.key];
    if (to !== undefined) { show(to); event.preventDefault(); } else if (event.key === "Escape") hide();
  });
}
