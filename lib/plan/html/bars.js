// Times as bars.

/** "7.04 ms", with commas where it is long. */
function milliseconds(value, digits = 2) {
  const fraction = value >= 100 ? 1 : digits;
  return `${value.toLocaleString("en", {
    minimumFractionDigits: fraction,
    maximumFractionDigits: fraction,
  })} ms`;
}

/** Five bars to scale, in milliseconds. */
function drawBars(svg, title, ms) {
  const names = ["at least", "estimated", "compute", "memory", "link"];
  const kinds = ["bound", "estimate", "part", "part", "part"];
  const width = Math.floor(svg.getBoundingClientRect().width);
  if (width < 50) {
    return;
  }
  const [left, right, row] = [74, width - 84, 26];
  const most = Math.max(...ms, 1e-9);
  const scale = (right - left) / most;
  const bottom = names.length * row + 4;
  svg.setAttribute("viewBox", `0 0 ${width} 176`);
  svg.setAttribute("role", "img");
  const text = (value) => milliseconds(value, 3);
  svg.setAttribute("aria-label", names.map((name, i) => `${name} ${text(ms[i])}`).join(", "));
  const parts = ticksFor(most, Math.min(6, (right - left) / 70)).flatMap(([value, label]) => [
    element("line", {
      class: "grid",
      x1: left + value * scale,
      x2: left + value * scale,
      y1: 0,
      y2: bottom,
    }),
    element(
      "text",
      { class: "quiet", x: left + value * scale, y: bottom + 16, "text-anchor": "middle" },
      Number(label).toLocaleString("en"),
    ),
  ]);
  parts.push(element("text", { class: "quiet", x: 0, y: bottom + 16 }, "time, ms"));
  names.forEach((name, i) => {
    const y = i * row;
    parts.push(
      element("text", { class: "quiet", x: left - 10, y: y + 17, "text-anchor": "end" }, name),
      element("rect", {
        class: kinds[i],
        x: left,
        y: y + 4,
        width: Math.max(ms[i] * scale, ms[i] > 0 ? 1 : 0),
        height: row - 8,
        rx: 2,
      }),
      element("text", { x: left + ms[i] * scale + 8, y: y + 17 }, text(ms[i])),
    );
  });
  svg.replaceChildren(...parts);
}
