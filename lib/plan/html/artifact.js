// The picture of a compiled artifact: the arena of each entry.

class ArtifactPage {
  constructor(data) {
    this.panels = [];
    byId("eyebrow").textContent = "Memory plan of an artifact";
    legend(["activations"]);
    byId("hint").textContent =
      "Point at a buffer for its name, size, lifetime and offset; arrow keys go from buffer " +
      "to buffer.";
    facts(data.facts);
    byId("figures").hidden = true;
    for (const entry of data.entries) {
      const panel = new Panel({
        title: `Entry ${entry.name}`,
        timeTitle: `time: ${formatCount(entry.commands)} commands of the program`,
        lifetime: (node) =>
          node.to - node.from > 1
            ? `commands ${node.from} to ${node.to - 1}`
            : `command ${node.from}`,
      });
      byId("panels").append(panel.root);
      this.panels.push(panel);
      panel.show(ArtifactPage.space(entry));
    }
    if (data.notes.length) {
      byId("tables").append(list("Notes", data.notes));
    }
  }

  static space(entry) {
    const tree = {
      name: "all",
      kind: "all",
      offset: 0,
      size: entry.arena,
      from: 0,
      to: entry.commands,
      children: entry.buffers.map(([name, from, to, offset, size]) => ({
        name,
        kind: "activations",
        from,
        to,
        offset,
        size,
      })),
    };
    finish(tree, entry.commands);
    for (const child of tree.children) {
      child.spans = false; // named inside, as its neighbours are
    }
    const { length } = entry.buffers;
    return {
      tree,
      timeEnd: entry.commands,
      limit: Infinity,
      peak: entry.arena,
      note: `${formatCount(length)} buffers in ${formatBytes(entry.arena)}`,
    };
  }
}
