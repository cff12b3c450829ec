// The picture of a plan. `data.figures` holds a plan for each position of the
// sliders; buffers follow from it and from the request.

class PlanPage {
  constructor(data) {
    this.data = data;
    this.at = [data.batches.indexOf(data.batch), data.contexts.indexOf(data.context)];
    this.panels = [];
    byId("eyebrow").textContent = "Memory plan";
    legend(
      ["weights", "cache", "activations", "free", "reserve"].filter(
        (kind) => kind !== "cache" || !this.isGraph,
      ),
    );
    byId("hint").textContent =
      "Point at a buffer for its name, size, lifetime and offset. Click, or press Enter, " +
      "to open a part; arrow keys go from buffer to buffer, Escape goes back.";
    const [growing, fixed] = data.cacheBytes;
    const weights = ["Weights", `${formatBytes(data.weightBytes)}, ${data.precision}`];
    if (this.isGraph) {
      facts([
        ["Parameters", `${(data.parameters / 1e6).toFixed(2)} million`],
        weights,
        ["Operators", formatCount(data.steps.length - 1)],
        ["Batch", formatCount(data.batch)],
      ]);
    } else {
      facts([
        ["Parameters", `${(data.parameters / 1e9).toFixed(2)} billion`],
        ["Active for a token", `${(data.activeParameters / 1e9).toFixed(2)} billion`],
        weights,
        [
          `Cache of a sequence, ${data.kvType}`,
          `${formatCount(growing)} bytes a token${fixed ? ` + ${formatBytes(fixed)}` : ""}`,
        ],
        ["Division", data.parallel],
      ]);
    }
    this.inputs = [];
    if (!this.isGraph) {
      this.controls();
    }
    this.options();
    this.makePanels(false);
    this.addFastMemory();
    this.tables();
    byId("times").hidden = false;
    this.update();
    new ResizeObserver(() => this.drawTimes()).observe(byId("time-panels"));
  }

  /** A graph of operators: neither a cache nor tokens, and nothing to slide. */
  get isGraph() {
    return Boolean(this.data.steps);
  }
  get figures() {
    return this.data.figures[this.at[0]][this.at[1]];
  }
  get batch() {
    return this.data.batches[this.at[0]];
  }
  get context() {
    return this.data.contexts[this.at[1]];
  }

  controls() {
    const section = byId("controls");
    section.hidden = false;
    const sliders = [
      ["batch", "Sequences at a time", this.data.batches, "sequences"],
      ["context", "Context of each", this.data.contexts, "tokens"],
    ];
    this.inputs = sliders.map(([id, title, values, unit], i) => {
      const input = element("input", {
        type: "range",
        id,
        min: 0,
        max: values.length - 1,
        step: 1,
      });
      const output = element("output", { for: id, id: `${id}-value` });
      input.addEventListener("input", () => {
        this.at[i] = Number(input.value);
        this.update();
      });
      section.append(
        element(
          "div",
          { class: "control" },
          element("label", { for: id }, title, output),
          input,
          element(
            "div",
            { class: "ends", "aria-hidden": "true" },
            element("span", {}, formatCount(values[0])),
            element("span", {}, formatCount(values.at(-1))),
          ),
        ),
      );
      return { input, output, values, unit };
    });
    const reset = element("button", { type: "button", id: "reset" }, "Back to the plan's request");
    const planned = [...this.at];
    reset.addEventListener("click", () => {
      this.at = [...planned];
      this.update();
    });
    this.reset = reset;
    this.planned = planned;
    section.append(element("div", { class: "control" }, reset));
  }

  options() {
    const spaces = this.data.groups.reduce((sum, group) => sum + group.spaces.length, 0);
    if (spaces > this.data.groups.length && spaces <= 64) {
      const box = element("input", { type: "checkbox", id: "every-space" });
      box.addEventListener("change", () => {
        this.makePanels(box.checked);
        this.update();
      });
      byId("memory-options").append(
        element("label", { class: "option" }, box, ` all ${spaces} spaces, also those that are alike`),
      );
    }
  }

  /** A panel for each space, or one for those that hold the same. */
  makePanels(everySpace) {
    const panels = [];
    this.data.groups.forEach((group, number) => {
      const runs = everySpace ? group.spaces.map((space) => [space]) : [group.spaces];
      for (const run of runs) {
        panels.push({ number, run, panel: this.makePanel(run) });
      }
    });
    this.panels = panels;
    byId("panels").replaceChildren(...panels.map(({ panel }) => panel.root));
  }

  /** What lies over each pool while layers run; of the plan's own request. */
  addFastMemory() {
    for (const use of this.data.near.filter(({ buffers }) => buffers.length > 0)) {
      const end = Math.max(...use.buffers.map(([, , to]) => to));
      const panel = new Panel({
        title: `Over each pool: ${use.name}, ${use.step}`,
        timeTitle: "time: steps of three layers, as planned",
        lifetime: (node) =>
          node.to - node.from > 1 ? `steps ${node.from} to ${node.to - 1}` : `step ${node.from}`,
      });
      byId("near-panels").append(panel.root);
      const children = use.buffers.map(([name, from, to, offset, size, kind]) => ({
        name,
        kind,
        from,
        to,
        offset,
        size,
      }));
      const tree = { name: "all", kind: "all", offset: 0, size: use.peak, from: 0, to: end, children };
      finish(tree, end);
      for (const child of children) {
        child.spans = false; // named inside, as its neighbours are
      }
      panel.show({
        tree,
        timeEnd: end,
        limit: Infinity,
        peak: use.peak,
        note: `${formatBytes(use.peak)} of ${formatBytes(use.usable)} usable`,
      });
    }
  }

  makePanel(run) {
    const [[first, name], [last, lastName]] = [run[0], run.at(-1)];
    const devices = first === last ? `Device ${first}` : `Devices ${first} to ${last}`;
    const pools = name === lastName ? name : `${name} to ${lastName}`;
    return new Panel({
      title: `${devices}, ${pools}`,
      timeTitle: this.isGraph
        ? "time: operators of a run"
        : "time: steps of one layer, then of the head",
      lifetime: (node) =>
        node.spans
          ? "always"
          : node.to - node.from > 1
            ? `steps ${this.step(node.from)} to ${this.step(node.to - 1)}`
            : `step ${this.step(node.from)}`,
    });
  }

  /** "3", or "3 (the node's name)". */
  step(number) {
    const name = this.data.steps?.[number];
    return name ? `${number} (${name})` : `${number}`;
  }

  /** The tree of buffers of a group of spaces. */
  space(number, count) {
    const group = this.data.groups[number];
    const figures = this.figures;
    const arena = this.data.arenas[figures.arena];
    const end = Math.max(...arena.map(([, , to]) => to));
    const [weights, cache, activations, peak, , offsets] = figures.spaces[number];
    let offset = 0;
    // Sizes of buffers are those of an equal division. A stack to which more or
    // fewer rows were dealt has the total that the plan says.
    let scale = 1;
    const leaf = (name, kind, size) => {
      const made = { name, kind, size: size * scale, offset, from: 0, to: end };
      offset += made.size;
      return made;
    };
    const branch = (name, kind, children) => {
      const begin = offset;
      const made = { name, kind, offset: begin, from: 0, to: end, children: children() };
      made.size = offset - begin;
      return made;
    };
    const tree = { name: "all", kind: "all", offset: 0, from: 0, to: end, children: [] };
    const add = (part) => tree.children.push(part);
    const sum = (numbers) => numbers.reduce((all, value) => all + value, 0);
    const matrices = sum(group.weights.map(([, parts]) => sum(parts.map(([, bytes]) => bytes))));
    scale = weights / Math.max(matrices, 1);
    [offset] = offsets;
    add(
      branch("weights", "weights", () =>
        group.weights.map(([title, buffers]) =>
          branch(title, "weights", () =>
            buffers.map(([name, bytes]) => leaf(name, "weights", bytes)),
          ),
        ),
      ),
    );
    const caches = group.caches.map(([layer, bytes, window]) => [
      `cache of layer ${layer}`,
      this.batch * (window ? Math.min(this.context, window) : this.context) * bytes,
    ]);
    scale = cache / Math.max(sum(caches.map(([, bytes]) => bytes)), 1);
    [, offset] = offsets;
    if (caches.length) {
      add(
        branch("cache", "cache", () => caches.map(([name, bytes]) => leaf(name, "cache", bytes))),
      );
    }
    [, , offset] = offsets;
    const base = offset;
    add({
      name: "activations",
      kind: "activations",
      offset: base,
      size: activations,
      from: 0,
      to: end,
      children: arena.map(([name, from, to, place, size]) => ({
        name,
        kind: "activations",
        offset: base + place,
        size,
        from,
        to,
      })),
    });
    scale = 1;
    const usable = group.capacity - group.reserve;
    // What is free lies between the parts where each has banks of its own.
    const parts = tree.children.filter(({ size }) => size > 0);
    parts.sort((a, b) => a.offset - b.offset);
    offset = 0;
    for (const next of [...parts, { offset: usable, size: 0 }]) {
      if (next.offset - offset > 1e-3 * group.capacity) {
        add(leaf("free", "free", next.offset - offset));
      }
      offset = Math.max(offset, next.offset + next.size);
    }
    offset = Math.max(offset, peak, usable);
    add(leaf("reserve", "reserve", group.reserve));
    tree.children.sort((a, b) => a.offset - b.offset);
    tree.size = Math.max(group.capacity, offset);
    finish(tree, end);
    return {
      tree,
      timeEnd: end,
      limit: usable,
      peak,
      note:
        `${formatBytes(peak)} of ${formatBytes(usable)} usable` +
        (count > 1 ? `; ${count} spaces that hold the same` : ""),
    };
  }

  update() {
    for (const [i, { input, output, values, unit }] of this.inputs.entries()) {
      const value = values[this.at[i]];
      input.value = this.at[i];
      output.textContent = formatCount(value);
      output.dataset.value = value;
      input.setAttribute("aria-valuetext", `${formatCount(value)} ${unit}`);
    }
    if (this.reset) {
      this.reset.disabled = this.at.every((value, i) => value === this.planned[i]);
    }
    this.drawFigures();
    for (const { number, run, panel } of this.panels) {
      panel.show(this.space(number, run.length));
    }
    this.drawTimes();
  }

  drawFigures() {
    const { fits, tightest, room, prefill, decode } = this.figures;
    const [peak, capacity, reserve] = tightest;
    const usable = capacity - reserve;
    const times = ({ by, ms }) => `at least ${milliseconds(ms[0])}, bound by ${by}`;
    const figure = (id, title, value, detail, numbers, kind = "") =>
      element(
        "div",
        {
          class: `figure ${kind}`.trim(),
          id,
          ...Object.fromEntries(
            Object.entries(numbers).map(([key, number]) => [`data-${key}`, number]),
          ),
        },
        element("h3", {}, title),
        element("p", { class: "value" }, value),
        element("p", { class: "detail" }, detail),
      );
    const shown = [
      figure(
        "verdict",
        "Does it fit?",
        fits ? "Fits" : "Does not fit",
        `${formatBytes(Math.abs(usable - peak))} ${fits ? "to spare in" : "too much for"} the tightest space`,
        { fits: String(fits) },
        fits ? "good" : "bad",
      ),
      figure(
        "tightest",
        "Tightest space",
        `${((100 * peak) / usable).toFixed(1)} %`,
        `${formatBytes(peak)} of ${formatBytes(usable)}`,
        { peak, usable },
      ),
    ];
    if (this.isGraph) {
      shown.push(
        figure("run", "A run", milliseconds(prefill.ms[1]), times(prefill), {
          estimate: prefill.ms[1],
          bound: prefill.ms[0],
        }),
      );
    } else {
      shown.push(
        figure(
          "room",
          "Room for",
          `${formatCount(room[0])} tokens`,
          `more of one sequence, or ${formatCount(room[1])} more sequences`,
          { tokens: room[0], sequences: room[1] },
        ),
        figure("decode", "A token of decode", milliseconds(decode.ms[1]), times(decode), {
          estimate: decode.ms[1],
          bound: decode.ms[0],
        }),
        figure(
          "prefill",
          `Prefill of ${formatCount(this.context)} tokens`,
          milliseconds(prefill.ms[1]),
          times(prefill),
          { estimate: prefill.ms[1], bound: prefill.ms[0] },
        ),
      );
    }
    byId("figures").replaceChildren(...shown);
  }

  drawTimes() {
    const charts = this.isGraph
      ? [["A run", this.figures.prefill]]
      : [
          ["A token of decode", this.figures.decode],
          [`Prefill of ${formatCount(this.context)} tokens`, this.figures.prefill],
        ];
    const host = byId("time-panels");
    if (host.children.length !== charts.length) {
      host.replaceChildren(
        ...charts.map(() =>
          element("article", { class: "panel" }, element("h3"), element("svg", { height: 176 })),
        ),
      );
    }
    charts.forEach(([title, times], i) => {
      host.children[i].querySelector("h3").textContent = title;
      drawBars(host.children[i].querySelector("svg"), title, times.ms);
    });
  }

  tables() {
    const { data } = this;
    const host = byId("tables");
    host.append(
      table(
        "Largest buffers of the tightest space, as planned",
        ["buffer", "size"],
        data.largest.map(([name, bytes]) => [name, formatBytes(bytes)]),
      ),
    );
    if (data.advice.length) {
      host.append(table("What would make it fit", ["change", "effect"], data.advice));
    }
    host.append(
      table(
        `Hardware: ${data.target}, ${data.memory}`,
        ["figure", "value", "from"],
        data.sources.map(([what, value, unit, source, assumed]) => [
          what,
          `${Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 3 })} ${unit}`,
          assumed ? `assumed: ${source}` : source,
        ]),
      ),
      list("Notes", data.notes),
    );
  }
}
