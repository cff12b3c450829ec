//===- Text.cpp - Plans for a terminal ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Plan.h"
#include "lib/plan/TextLines.h"

#include <algorithm>
#include <cmath>
#include <iterator>

using namespace narae::plan;

static double gib(double bytes) { return bytes / (1 << 30); }

namespace {
/// What a plan's sizes are printed in: graphs of operators are often small.
struct Unit {
  const char *name;
  double bytes;
  double of(double size) const { return size / bytes; }
};
} // namespace

static Unit unitOf(const Plan &plan) {
  bool isSmall = plan.isGraph && plan.spaces[plan.tightest].peak < (1 << 30);
  return isSmall ? Unit{"MiB", 1 << 20} : Unit{"GiB", 1 << 30};
}

/// Values are short; what is assumed says so.
static std::string provenance(const Figure &figure) {
  return figure.assumed ? "assumed: " + figure.source : figure.source;
}

static std::string precisionName(const Options &options) {
  return options.precision.empty() ? "as stored" : options.precision;
}

/// Runs of neighbouring spaces with the same numbers share lines: first index
/// and one past the last.
static std::vector<std::pair<size_t, size_t>> equalSpaces(const Plan &plan) {
  std::vector<std::pair<size_t, size_t>> runs;
  auto same = [](const Space &a, const Space &b) {
    return a.weights == b.weights && a.cache == b.cache &&
           a.activations == b.activations && a.peak == b.peak;
  };
  for (size_t i = 0, j; i < plan.spaces.size(); i = j) {
    for (j = i + 1;
         j < plan.spaces.size() && same(plan.spaces[i], plan.spaces[j]);)
      ++j;
    runs.push_back({i, j});
  }
  return runs;
}

/// What a space holds as a line of 53 columns; `|` is where the usable part
/// ends, wherever that is.
static std::string barOf(const Space &space, const Ink &ink) {
  const size_t width = 52;
  double whole = std::max(space.capacity, space.peak + space.reserve);
  struct Part {
    double bytes;
    char letter;
    Colour colour;
  };
  double rounding =
      space.peak - space.weights - space.cache - space.activations;
  const Part parts[] = {{space.weights, '#', Colour::Blue},
                        {space.cache, '=', Colour::Green},
                        {space.activations + rounding, '+', Colour::Yellow}};
  size_t usable =
      std::llround(width * (space.capacity - space.reserve) / whole);
  std::string bar;
  size_t drawn = 0;
  double end = 0;
  auto add = [&](size_t until, auto paint) {
    if (drawn < usable && usable < until) {
      bar += paint(usable - drawn);
      drawn = usable;
    }
    if (drawn == usable && drawn < until && bar.find('|') == std::string::npos)
      bar += "|";
    bar += paint(until - drawn);
    drawn = until;
  };
  size_t later = std::size(parts);
  for (const Part &part : parts) {
    end += part.bytes;
    size_t until = std::llround(width * end / whole);
    // What is there can be seen.
    if (part.bytes > 0)
      until = std::max(until, drawn + 1);
    until = std::min(until, width - --later);
    if (until > drawn)
      add(until,
          [&](size_t n) { return ink.block(n, part.letter, part.colour); });
  }
  if (drawn < usable)
    add(usable, [](size_t n) { return std::string(n, '.'); });
  if (drawn < width)
    add(width, [](size_t n) { return std::string(n, 'r'); });
  if (bar.find('|') == std::string::npos)
    bar += "|";
  return "[" + bar + "]";
}

static std::string spacesText(const Plan &plan, const Ink &ink) {
  Unit unit = unitOf(plan);
  std::string result =
      ink.heading(std::string("Memory, ") + unit.name + " in each space") +
      "  devices   space      weights    cache  activations  "
      "   peak    bound   usable\n";
  for (auto [first, last] : equalSpaces(plan)) {
    const Space &space = plan.spaces[first];
    const Space &end = plan.spaces[last - 1];
    std::string devices = std::to_string(space.device);
    if (end.device != space.device)
      devices += "-" + std::to_string(end.device);
    std::string name = space.name;
    if (end.device == space.device && end.name != space.name)
      name += "-" + end.name.substr(end.name.rfind('.') + 1);
    else if (size_t dot = name.rfind('.');
             dot != std::string::npos && end.device != space.device)
      name = name.substr(0, dot);
    result += "  " + left(devices, 10) + left(name, 9) +
              right(fixed(unit.of(space.weights), 2), 9) +
              right(fixed(unit.of(space.cache), 2), 9) +
              right(fixed(unit.of(space.activations), 3), 13) +
              right(fixed(unit.of(space.peak), 2), 9) +
              right(fixed(unit.of(space.lowerBound), 2), 9) +
              right(fixed(unit.of(space.capacity - space.reserve), 2), 9) +
              "\n";
    double used = 100 * space.peak / (space.capacity - space.reserve);
    result += "  " + barOf(space, ink) + right(fixed(used, 1), 6) + " % " +
              (space.fits() ? ink.good("fits") : ink.bad("DOES NOT FIT")) +
              "\n";
  }
  result += "  # weights  = cache  + activations  . free  r reserve\n";
  if (!plan.isGraph)
    result += wrap("room for " + grouped(plan.roomTokens) +
                       " more tokens of one sequence, or for " +
                       grouped(plan.roomSequences) + " more sequences",
                   2, 2);
  return result;
}

/// The memory over each pool: what a step keeps there, and what that gives.
static std::string nearText(const Plan &plan, const Hardware &hardware,
                            const Ink &ink) {
  const NearMemory &near = hardware.near;
  auto mib = [](double bytes) { return bytes / (1 << 20); };
  std::string result =
      ink.heading("Fast memory, MiB in each of " +
                  counted(hardware.memory.pools * plan.devices, "space") +
                  " '" + near.name + "' (" + near.kind + ")") +
      "  step                 weights    cache  activations     peak    bound  "
      " "
      "usable\n";
  for (const NearUse &use : plan.near)
    result +=
        "  " + left(use.step, 19) + right(fixed(mib(use.weights), 2), 9) +
        right(fixed(mib(use.cache), 2), 9) +
        right(fixed(mib(use.activations), 2), 13) +
        right(fixed(mib(use.peak), 2), 9) +
        right(fixed(mib(use.lowerBound), 2), 9) +
        right(fixed(mib(near.capacity.value - near.reserve.value), 2), 9) +
        "\n";
  for (const NearUse &use : plan.near)
    result += wrap(use.step + ": " + fixed(1e3 * use.seconds, 3) +
                       " ms with copies and computing overlapped (" +
                       fixed(1e3 * use.bound, 3) + " at least, " +
                       fixed(1e3 * use.secondsAtHome, 3) + " without); " +
                       fixed(mib(use.copied), 2) + " MiB " +
                       (plan.isGraph ? "copied" : "copied a layer") + ", " +
                       fixed(mib(use.atHome), 2) + " used where they lie",
                   2, 4);
  return result;
}

static std::string timesText(const Plan &plan, const Ink &ink) {
  std::string result =
      ink.heading("Time, ms") +
      "              at least  estimated  bound by   compute    memory      "
      "link\n";
  auto row = [](const char *name, const StepTime &step) {
    return "  " + left(name, 10) + right(fixed(1e3 * step.bound, 3), 10) +
           right(fixed(1e3 * step.estimate, 3), 11) + "  " +
           left(step.boundBy, 8) + right(fixed(1e3 * step.compute, 3), 10) +
           right(fixed(1e3 * step.memory, 3), 10) +
           right(fixed(1e3 * step.link, 3), 10) + "\n";
  };
  const char *first = plan.isGraph ? "run" : "prefill";
  result += row(first, plan.prefill);
  if (!plan.isGraph)
    result += row("decode", plan.decode);
  if (!plan.isGraph)
    result += "  prefill: all " + grouped(plan.options.context) +
              " tokens; decode: one token of each sequence\n";
  result += "\n";
  Unit unit = unitOf(plan);
  result +=
      ink.heading(std::string("Traffic, ") + unit.name + " on all devices") +
      "               weights     cache  activations     links\n";
  auto traffic = [unit](const char *name, const StepTime &step) {
    return "  " + left(name, 10) +
           right(fixed(unit.of(step.weightBytes), 3), 10) +
           right(fixed(unit.of(step.cacheBytes), 3), 10) +
           right(fixed(unit.of(step.activationBytes), 3), 13) +
           right(fixed(unit.of(step.linkBytes), 3), 10) + "\n";
  };
  return result + traffic(first, plan.prefill) +
         (plan.isGraph ? "" : traffic("decode", plan.decode));
}

/// Where software interleaves: which stack decides, and what lies where in it.
static std::string placementText(const Plan &plan, const Hardware &hardware,
                                 const Ink &ink) {
  const Space &space = plan.spaces[plan.tightest];
  if (space.regions.empty())
    return "";
  std::string text = "tightest: " + space.name + " of device " +
                     std::to_string(space.device) + ", " +
                     fixed(unitOf(plan).of(std::max(space.room(), 0.0)), 2) +
                     " " + unitOf(plan).name + " left";
  if (hardware.memory.bankSets > 1) {
    static const char *names[] = {"weights", "cache", "activations"};
    text += "; bank sets:";
    for (const narae::placement::Region &region : space.regions)
      text += std::string(" ") + names[size_t(region.stream)] + " " +
              toString(region);
    text +=
        " (" + fixed(100 * space.shared, 0) + " % of the bytes share banks)";
  }
  if (!plan.padded.empty())
    text += "; rows of " + counted(plan.padded.size(), "buffer") +
            " are padded off bank strides, " +
            fixed(space.padding / (1 << 20), 1) + " MiB, as " +
            plan.padded.front().name + " from " +
            grouped(plan.padded.front().from) + " to " +
            grouped(plan.padded.front().to) + " bytes";
  return ink.heading("Placement") + wrap(text, 2, 2) + "\n";
}

static std::string hardwareText(const Plan &plan, const Hardware &hardware,
                                const Ink &ink) {
  const DeviceMemory &memory = hardware.memory;
  return ink.heading("Hardware") +
         wrap(memory.kind + ": " + std::to_string(memory.pools) + " x " +
                  fixed(gib(memory.capacity.value), 1) + " GiB, " +
                  fixed(memory.bandwidth.value / 1e9, 0) +
                  " GB/s each at peak (" + provenance(memory.bandwidth) +
                  "), " + fixed(plan.deratedBandwidth / 1e9, 0) +
                  " GB/s derated: " + fixed(100 * memory.efficiency.value, 1) +
                  " % for streams (" + provenance(memory.efficiency) +
                  "), of which refresh takes " +
                  fixed(100 * memory.refresh.value, 1) + " % (" +
                  provenance(memory.refresh) + ")",
              2, 2);
}

std::string narae::plan::toText(const Plan &plan, const Hardware &hardware,
                                bool colours) {
  Ink ink(colours);
  const Options &options = plan.options;
  std::string title = plan.model + " on " + std::to_string(plan.devices) +
                      " x " + plan.target + " (" + toString(options.parallel) +
                      "): ";
  std::string result =
      ink.bold(title) +
      (plan.fits ? ink.good("fits") : ink.bad("does not fit")) + "\n";
  result +=
      wrap(grouped(plan.parameters) + " parameters" +
               (plan.isGraph ? ""
                             : ", " + fixed(plan.activeParameters / 1e9, 2) +
                                   " billion active") +
               "; weights " + fixed(unitOf(plan).of(plan.weightBytes), 2) +
               " " + unitOf(plan).name + " (" + precisionName(options) + ")",
           2, 2);
  if (!plan.isGraph)
    result += wrap(
        counted(options.batch, "sequence") + " of " + grouped(options.context) +
            " tokens; cache (" + options.kvType +
            "): " + grouped(plan.kvBytesPerToken) + " bytes a token" +
            (plan.kvBytesFixed > 0
                 ? " and " + fixed(plan.kvBytesFixed / (1 << 20), 2) +
                       " MiB a sequence for windows (" +
                       grouped(plan.kvBytesPerTokenUniform) +
                       " bytes a token if no layer had a window)"
                 : ""),
        2, 2);
  result += "\n" + spacesText(plan, ink) + "\n" + timesText(plan, ink);
  if (!plan.near.empty())
    result += "\n" + nearText(plan, hardware, ink);
  if (!plan.streaming.unit.empty())
    result +=
        "\n" + ink.heading("Streaming, a device") +
        wrap(fixed(gib(plan.streaming.hostBytes), 2) +
                 " GiB of weights stay with the host and come by " +
                 plan.streaming.unit + " through two buffers, " +
                 fixed(gib(plan.streaming.buffers), 2) +
                 " GiB together: " + fixed(gib(plan.streaming.tokenBytes), 3) +
                 " GiB for a token, which takes " +
                 fixed(1e3 * plan.streaming.decode, 1) + " ms",
             2, 2);
  result += "\n" + ink.heading("Largest buffers of the tightest space");
  for (const LargeBuffer &buffer : plan.largest)
    result += "  " + right(fixed(unitOf(plan).of(buffer.bytes), 3), 9) + " " +
              unitOf(plan).name + "  " + elide(buffer.name, 60) + "\n";
  if (!plan.advice.empty())
    result += "\n" + ink.heading("What would make it fit");
  for (const Advice &advice : plan.advice)
    result += wrap(advice.change + ": " + advice.effect, 2, 6);
  result += "\n" + placementText(plan, hardware, ink) +
            hardwareText(plan, hardware, ink);
  for (const std::string &note : plan.notes)
    result += wrap("note: " + note, 2, 8);
  return result;
}

std::string narae::plan::compareText(const std::vector<Plan> &plans) {
  std::string result = "target               devices fits     used prefill ms  "
                       "  bound decode ms   bound\n";
  for (const Plan &plan : plans) {
    double used = 0;
    for (const Space &space : plan.spaces)
      used = std::max(used, space.peak / (space.capacity - space.reserve));
    result += left(elide(plan.target, 20), 20) +
              right(grouped(plan.devices), 8) + " " +
              left(plan.fits ? "yes" : "no", 3) +
              right(fixed(100 * used, 1), 7) + " %" +
              right(fixed(1e3 * plan.prefill.estimate, 1), 11) +
              right(fixed(1e3 * plan.prefill.bound, 1), 9) +
              right(fixed(1e3 * plan.decode.estimate, 2), 10) +
              right(fixed(1e3 * plan.decode.bound, 2), 8) + "\n";
  }
  return result;
}
