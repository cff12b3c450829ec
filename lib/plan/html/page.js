"use strict";
// Elements, numbers as text, the tooltip and tables.

const svgNames = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  const isShape = ["svg", "g", "rect", "line", "text", "path", "title"].includes(name);
  const result = isShape
    ? document.createElementNS(svgNames, name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      result.setAttribute(key, value === true ? "" : value);
    }
  }
  result.append(...children.filter((child) => child !== undefined));
  return result;
}

const byId = (id) => document.getElementById(id);
const units = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["bytes", 1],
];

function unitFor(bytes) {
  return units.find(([, size]) => Math.abs(bytes) >= size) ?? units.at(-1);
}

/** "122.48 GiB"; three digits at least. */
function formatBytes(bytes) {
  // Plans are discussed in GiB; a TiB would hide their digits.
  const [unit, size] = bytes >= 2 ** 40 ? units[1] : unitFor(bytes);
  const value = bytes / size;
  const digits = unit === "bytes" || value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  return `${value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })} ${unit}`;
}

const formatCount = (number) => Math.round(number).toLocaleString("en");

/** Round steps (1, 2, 5 times a power of ten) that give about `count` ticks. */
function ticksFor(range, count) {
  const rough = range / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = 0; i * step <= range * (1 + 1e-9); ++i) {
    ticks.push([i * step, (i * step).toFixed(digits)]);
  }
  return ticks;
}

const measure = document.createElement("canvas").getContext("2d");
function widthOf(text, font = "12px") {
  measure.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return measure.measureText(text).width;
}

/** The text, or as much as `width` pixels hold: of words the beginning, of paths the end. */
function elide(text, width) {
  if (widthOf(text) <= width) {
    return text;
  }
  const isPath = /[./]/.test(text);
  for (let keep = text.length - 1; keep >= 3; --keep) {
    const short = isPath ? `…${text.slice(-keep)}` : `${text.slice(0, keep)}…`;
    if (widthOf(short) <= width) {
      return short;
    }
  }
  return "";
}

/** What names share up to a dot says nothing: it is left out, and ".weight" too. */
function shorten(names) {
  let shared = names[0] ?? "";
  for (const name of names) {
    while (!name.startsWith(shared)) {
      shared = shared.slice(0, -1);
    }
  }
  const prefix = names.length > 1 ? shared.lastIndexOf(".") + 1 : 0;
  return (name) => name.slice(prefix).replace(/\.weight$/, "");
}

function showTooltip(rows, x, y) {
  const tooltip = byId("tooltip");
  const list = element("dl");
  for (const [key, value] of rows.slice(1)) {
    list.append(element("dt", {}, key), element("dd", {}, value));
  }
  tooltip.replaceChildren(element("strong", {}, rows[0][1]), list);
  tooltip.hidden = false;
  const box = tooltip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  const top = y + 16 + box.height > innerHeight ? y - 16 - box.height : y + 16;
  tooltip.style.left = `${Math.max(8, left)}px`;
  tooltip.style.top = `${Math.max(8, top)}px`;
}

function hideTooltip() {
  byId("tooltip").hidden = true;
}

/** A table; numbers are right-aligned. */
function table(title, heads, rows) {
  const numeric = heads.map((_, i) => rows.every((row) => /^[\d.,]+ [a-z%/]+$/i.test(row[i])));
  const cell = (name, text, i) => element(name, { class: numeric[i] ? "number" : "" }, text);
  return element(
    "div",
    {},
    element("h3", {}, title),
    element(
      "div",
      { class: "scroll" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...heads.map((text, i) => cell("th", text, i)))),
        element(
          "tbody",
          {},
          ...rows.map((row) => element("tr", {}, ...row.map((text, i) => cell("td", text, i)))),
        ),
      ),
    ),
  );
}

function list(title, items) {
  return element(
    "div",
    {},
    element("h3", {}, title),
    element("ul", { class: "notes" }, ...items.map((item) => element("li", {}, item))),
  );
}

function legend(kinds) {
  byId("legend").replaceChildren(
    ...kinds.map((kind) => element("span", { style: `--swatch: var(--${kind})` }, kind)),
  );
}

function facts(rows) {
  byId("facts").replaceChildren(
    ...rows.map(([key, value]) =>
      element("div", {}, element("dt", {}, key), element("dd", {}, value)),
    ),
  );
}
