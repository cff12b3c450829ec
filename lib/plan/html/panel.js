// A panel: one address space over time. Knows nothing of plans: it draws a
// tree of buffers {name, kind, offset, size, from, to, children}.

/** Moves labels apart: each is {y}, `gap` at least between neighbours. */
function spread(labels, low, high, gap) {
  labels.sort((a, b) => a.y - b.y);
  let last = low - gap;
  for (const label of labels) {
    label.at = Math.max(label.y, last + gap);
    last = label.at;
  }
  let next = high + gap;
  for (const label of [...labels].reverse()) {
    label.at = Math.min(label.at, next - gap);
    next = label.at;
  }
}

class Panel {
  /** `options`: title, note, timeTitle, lifetime(node) -> text. */
  constructor(options) {
    this.options = options;
    this.path = [];
    this.crumbs = element("nav", { class: "crumbs", "aria-label": "Where in memory" });
    this.note = element("p", { class: "note" });
    this.svg = element("svg", { role: "group", "aria-label": options.title });
    this.root = element(
      "article",
      { class: "panel" },
      element("h3", {}, options.title),
      this.note,
      this.crumbs,
      this.svg,
    );
    this.svg.addEventListener("keydown", (event) => this.key(event));
    for (const type of ["pointermove", "focusin"]) {
      this.svg.addEventListener(type, (event) => this.point(event));
    }
    for (const type of ["pointerleave", "focusout"]) {
      this.svg.addEventListener(type, () => hideTooltip());
    }
    this.svg.addEventListener("click", (event) => {
      const shape = event.target.closest("[data-index]");
      if (shape) {
        this.open(this.shapes[Number(shape.dataset.index)].node);
      }
    });
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  /** `space`: tree, timeEnd, limit (bytes that can be used), note. */
  show(space) {
    this.space = space;
    this.note.textContent = space.note ?? "";
    this.draw();
  }

  /** Names lead to a node, so that it is found again when sizes change. */
  get view() {
    let node = this.space.tree;
    const path = [];
    for (const name of this.path) {
      const next = node.children?.find((child) => child.name === name);
      if (!next?.children) {
        break;
      }
      path.push(name);
      node = next;
    }
    this.path = path;
    return node;
  }

  open(node) {
    if (!node.children) {
      return;
    }
    this.path = [];
    for (let at = node; at.parent; at = at.parent) {
      this.path.unshift(at.name);
    }
    hideTooltip();
    this.draw();
  }

  draw() {
    const width = Math.floor(this.svg.getBoundingClientRect().width);
    if (!this.space || width < 50) {
      return;
    }
    const view = this.view;
    const height = 440;
    const gutter = view.children.some((child) => child.spans) ? Math.min(320, Math.max(170, Math.round(width * 0.36))) : 12;
    this.area = { left: 58, right: width - gutter, top: 26, bottom: height - 46 };
    this.low = view.offset;
    this.high = view.offset + view.size;
    this.shapes = [];
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(...this.axes(width, height));
    this.branch(view, 0);
    this.shapes[0]?.shape.setAttribute("tabindex", "0");
    this.labels(view, width);
    this.drawCrumbs();
  }

  y(bytes) {
    const { top, bottom } = this.area;
    return bottom - ((bytes - this.low) / Math.max(this.high - this.low, 1)) * (bottom - top);
  }

  x(time) {
    const { left, right } = this.area;
    return left + (time / Math.max(this.space.timeEnd, 1)) * (right - left);
  }

  axes(width, height) {
    const { left, right, top, bottom } = this.area;
    const [unit, size] = unitFor((this.high - this.low) * 0.999);
    const result = [];
    for (const [value, label] of ticksFor((this.high - this.low) / size, 6)) {
      const y = this.y(this.low + value * size);
      result.push(
        element("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
        element("text", { class: "quiet", x: left - 8, y: y + 4, "text-anchor": "end" }, label),
      );
    }
    const base = this.low > 0 ? ` above ${formatBytes(this.low)}` : "";
    result.push(element("text", { class: "quiet", x: 0, y: 12 }, `address, ${unit}${base}`));
    for (const [value, label] of ticksFor(this.space.timeEnd, Math.min((right - left) / 48, 16))) {
      if (!Number.isInteger(value)) {
        continue;
      }
      const x = this.x(value);
      result.push(
        element("line", { class: "axis", x1: x, x2: x, y1: bottom, y2: bottom + 5 }),
        element(
          "text",
          { class: "quiet", x, y: bottom + 19, "text-anchor": "middle" },
          Number(label).toLocaleString("en"),
        ),
      );
    }
    const title = elide(this.options.timeTitle, width - left);
    result.push(
      element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      element("text", { class: "quiet", x: left, y: height - 8 }, title),
    );
    return result;
  }

  /** Draws the children of a node: those that are large enough in parts. */
  branch(node, depth) {
    node.children.forEach((child, i) => {
      const pixels = this.y(child.offset) - this.y(child.offset + child.size);
      const inner = child.children;
      if (inner && pixels >= 1.8 * inner.length && pixels >= 12) {
        this.branch(child, depth + 1);
      } else {
        this.rectangle(child, pixels, i % 2 === 1);
      }
    });
  }

  rectangle(node, pixels, odd) {
    if (node.size <= 0) {
      return;
    }
    const x = this.x(node.from);
    const width = Math.max(this.x(node.to) - x, 1);
    const height = Math.max(pixels, 1.5);
    const y = this.y(node.offset) - height;
    const classes = ["buffer", node.kind];
    if (odd) {
      classes.push("odd");
    }
    if (pixels < 4) {
      classes.push("dense");
    }
    if (node.children) {
      classes.push("opens");
    }
    const shape = element("rect", {
      class: classes.join(" "),
      x,
      y,
      width,
      height,
      tabindex: "-1",
      role: "img",
      "aria-label": this.describe(node)
        .map(([key, value]) => (key ? `${key} ${value}` : value))
        .join(", "),
      "data-index": this.shapes.length,
    });
    this.shapes.push({ node, shape });
    this.svg.append(shape);
    if (!node.spans && pixels >= 17 && width >= 44) {
      const text = elide(node.name, width - 10);
      if (text) {
        this.svg.append(
          element("text", { class: "inside", x: x + 5, y: y + height / 2 + 4 }, text),
        );
      }
    }
  }

  describe(node) {
    const whole = this.space.tree;
    const parents = [];
    for (let at = node.parent; at?.parent; at = at.parent) {
      parents.unshift(at.name);
    }
    const rows = [["", node.name]];
    if (parents.length) {
      rows.push(["in", parents.join(" › ")]);
    }
    rows.push(
      ["size", `${formatBytes(node.size)} (${formatCount(node.size)} bytes)`],
      ["offset", `${formatBytes(node.offset)} (${formatCount(node.offset)})`],
      ["lifetime", this.options.lifetime(node, whole)],
    );
    if (node.buffers) {
      rows.push(["holds", `${formatCount(node.buffers)} buffers`]);
    }
    return rows;
  }

  /** Names beside what spans all of the time. */
  labels(view, width) {
    const { right, top, bottom } = this.area;
    const room = width - right - 22;
    const short = shorten(view.children.map((child) => child.name));
    let labels = [];
    for (const node of view.children) {
      if (node.spans && node.size > 0) {
        labels.push({ node, y: (this.y(node.offset) + this.y(node.offset + node.size)) / 2 });
      }
    }
    const limit = this.space.limit;
    if (view === this.space.tree && limit < this.space.peak) {
      const y = this.y(limit);
      this.svg.append(
        element("line", { class: "limit-line", x1: this.area.left, x2: right, y1: y, y2: y }),
      );
      labels.push({ limit, y });
    }
    const gap = 18;
    if (labels.length * gap > bottom - top) {
      let last = Infinity;
      labels = labels.filter(({ y }) => {
        const isFree = Math.abs(last - y) >= gap;
        last = isFree ? y : last;
        return isFree;
      });
    }
    spread(labels, top + 6, bottom - 4, gap);
    for (const { node, y, at, limit: bytes } of labels) {
      const size = formatBytes(bytes ?? node.size);
      const name = node ? short(node.name) : "usable";
      const text = `${elide(name, room - widthOf(`${size}  `))} ${size}`;
      const label = element(
        "g",
        { class: node?.children ? "label" : "" },
        element("path", { class: "leader", d: `M${right + 2} ${y}L${right + 12} ${at}h4` }),
        element("text", { class: node ? "" : "limit", x: right + 20, y: at + 4 }, text),
      );
      if (node?.children) {
        label.addEventListener("click", () => this.open(node));
      }
      this.svg.append(label);
    }
  }

  drawCrumbs() {
    const items = [];
    let node = this.space.tree;
    const trail = [node];
    for (const name of this.path) {
      node = node.children.find((child) => child.name === name);
      trail.push(node);
    }
    trail.forEach((at, i) => {
      if (i > 0) {
        items.push(element("span", { "aria-hidden": "true" }, "›"));
      }
      const name = i === 0 ? "all" : at.name;
      if (i === trail.length - 1) {
        items.push(element("span", { "aria-current": "true" }, name));
      } else {
        const button = element("button", { type: "button" }, name);
        button.addEventListener("click", () => this.open(at));
        items.push(button);
      }
    });
    this.crumbs.replaceChildren(...(trail.length > 1 ? items : []));
  }

  point(event) {
    const shape = event.target.closest?.("[data-index]");
    if (!shape) {
      hideTooltip();
      return;
    }
    const box = shape.getBoundingClientRect();
    const place =
      event.type === "focusin"
        ? [box.left + Math.min(box.width / 2, 120), box.top + box.height / 2]
        : [event.clientX, event.clientY];
    showTooltip(this.describe(this.shapes[Number(shape.dataset.index)].node), ...place);
  }

  key(event) {
    const index = Number(document.activeElement?.dataset?.index ?? -1);
    if (index < 0) {
      return;
    }
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (step) {
      this.focus(Math.min(Math.max(index + step, 0), this.shapes.length - 1));
    } else if (event.key === "Home" || event.key === "End") {
      this.focus(event.key === "Home" ? 0 : this.shapes.length - 1);
    } else if (event.key === "Enter" || event.key === " ") {
      this.open(this.shapes[index].node);
      this.focus(0);
    } else if (event.key === "Escape" && this.path.length) {
      const parent = this.view.parent;
      this.path = [];
      this.open(parent);
      this.focus(0);
    } else {
      return;
    }
    event.preventDefault();
  }

  focus(index) {
    this.svg.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    const shape = this.shapes[index]?.shape;
    shape?.setAttribute("tabindex", "0");
    shape?.focus({ preventScroll: true });
  }
}

/** Sets parents, how much is in a node, and what spans all of the time. */
function finish(node, timeEnd, parent) {
  node.parent = parent;
  node.spans = node.from <= 0 && node.to >= timeEnd;
  for (const child of node.children ?? []) {
    finish(child, timeEnd, node);
  }
  if (node.children) {
    node.buffers = node.children.reduce((sum, child) => sum + (child.buffers ?? 1), 0);
  }
  return node;
}
