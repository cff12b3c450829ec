//===- LaunchReport.cpp - Launches and their times as text and JSON -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/LaunchTimes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

using namespace narae;
using namespace narae::npu;
using Json = nlohmann::ordered_json;

/// Below it a trace shows what every engine did; a longer one shows the
/// launches alone behind it.
static constexpr size_t detailedIntervals = 200000;

/// Numbers of kernels, those that take longest first.
template <typename Kernels>
static std::vector<size_t> byCycles(const Kernels &kernels) {
  std::vector<size_t> order(kernels.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(kernels[b].cycles, a) < std::tie(kernels[a].cycles, b);
  });
  return order;
}

/// The largest part of the cycles.
static std::string largest(const std::map<std::string, double> &cycles) {
  std::string name;
  double most = -1;
  for (const auto &[candidate, value] : cycles)
    if (value > most) {
      most = value;
      name = candidate;
    }
  return name;
}

/// "core 12 tensor" and the like become "tensor": all cores are alike.
static std::string kindOf(const std::string &resource) {
  size_t tensor = resource.find("tensor"), vector = resource.find("vector");
  return tensor != std::string::npos   ? "tensor engines"
         : vector != std::string::npos ? "vector engines"
                                       : resource;
}

/// " (first node, ...)": a kernel of all layers has too many for a line.
static std::string shortened(const std::string &nodes) {
  constexpr size_t longest = 60;
  if (nodes.size() <= longest)
    return nodes.empty() ? "" : " (" + nodes + ")";
  size_t end = nodes.rfind(", ", longest);
  return " (" + nodes.substr(0, end == std::string::npos ? longest : end) +
         ", ...)";
}

std::string LaunchTimes::text() const {
  if (launches.empty())
    return "";
  char line[256];
  std::string text;
  auto add = [&](const char *format, auto... values) {
    std::snprintf(line, sizeof line, format, values...);
    text += line;
  };
  double compute = 0, movement = 0;
  size_t count = 0;
  for (const KernelTimes &kernel : kernels) {
    compute += kernel.computeBound;
    movement += kernel.movementBound;
    count += kernel.launches;
  }
  add("%s: %.0f cycles, %.3f ms in %zu launches (%zu simulated)\n",
      machine.name.c_str(), now, now / machine.clock * 1e3, count,
      launches.size());
  add("bounds: compute %.3f ms, movement %.3f ms; host transfers %.3f ms\n",
      compute / machine.clock * 1e3, movement / machine.clock * 1e3,
      (now - inLaunches) / machine.clock * 1e3);
  add("%12s %6s %9s %8s %8s %8s  %-18s %s\n", "cycles", "share", "launches",
      "tensor", "vector", "dma", "bound by", "kernel");
  size_t shown = 0;
  for (size_t number : byCycles(kernels)) {
    if (++shown > 20) {
      add("... and %zu more kernels\n", kernels.size() - 20);
      break;
    }
    const KernelTimes &kernel = kernels[number];
    auto busy = [&](Engine engine) {
      const KindTotals &kind = kernel.kinds[size_t(engine)];
      double all = kind.engines * kernel.cycles;
      return all > 0 ? 100 * kind.busy / all : 0;
    };
    double dma = std::max(busy(Engine::CoreDma), busy(Engine::ChipletDma));
    add("%12.0f %5.1f%% %9zu %7.1f%% %7.1f%% %7.1f%%  %-18s ", kernel.cycles,
        now > 0 ? 100 * kernel.cycles / now : 0, size_t(kernel.launches),
        busy(Engine::Tensor), busy(Engine::Vector), dma,
        kindOf(largest(kernel.boundBy)).c_str());
    text += kernel.name + shortened(kernel.nodes) + "\n";
  }
  for (const auto &[pool, bytes] : poolBytes)
    add("%-8s %.0f bytes, %.1f%% of its bandwidth\n", pool.c_str(), bytes,
        now > 0 ? 100 * bytes * machine.clock / (machine.dram.bandwidth * now)
                : 0);
  return text;
}

std::string LaunchTimes::json() const {
  if (launches.empty())
    return "";
  Json json;
  json["machine"] = machine.name;
  json["clock"] = machine.clock;
  json["cycles"] = now;
  json["seconds"] = now / machine.clock;
  json["simulated_launches"] = launches.size();
  double compute = 0, movement = 0, macs = 0, dramBytes = 0;
  uint64_t count = 0;
  std::map<std::string, double> boundBy;
  for (const KernelTimes &kernel : kernels) {
    count += kernel.launches;
    compute += kernel.computeBound;
    movement += kernel.movementBound;
    macs += kernel.macs;
    dramBytes += kernel.dramBytes;
    for (const auto &[name, cycles] : kernel.boundBy)
      boundBy[kindOf(name)] += cycles;
  }
  json["launches"] = count;
  json["bound"] = {{"compute_seconds", compute / machine.clock},
                   {"movement_seconds", movement / machine.clock},
                   {"by", largest(boundBy)}};
  json["host"] = {{"loaded_bytes", loaded},
                  {"to_device_bytes", toDevice},
                  {"from_device_bytes", fromDevice},
                  {"seconds", (now - inLaunches) / machine.clock}};
  json["flops"] = 2 * macs;
  json["dram_bytes"] = dramBytes;
  json["dram"] = Json::object();
  for (const auto &[pool, bytes] : poolBytes)
    json["dram"][pool] = {
        {"bytes", bytes},
        {"utilisation",
         now > 0 ? bytes * machine.clock / (machine.dram.bandwidth * now) : 0}};
  json["kernels"] = Json::array();
  for (size_t number : byCycles(kernels)) {
    const KernelTimes &kernel = kernels[number];
    Json entry = {{"name", kernel.name},
                  {"nodes", kernel.nodes},
                  {"launches", kernel.launches},
                  {"cycles", kernel.cycles},
                  {"seconds", kernel.cycles / machine.clock},
                  {"compute_bound", kernel.computeBound},
                  {"movement_bound", kernel.movementBound},
                  {"bound_by", kindOf(largest(kernel.boundBy))},
                  {"flops", 2 * kernel.macs},
                  {"dram_bytes", kernel.dramBytes}};
    for (size_t i = 0; i < engineCount; ++i) {
      const KindTotals &kind = kernel.kinds[i];
      double all = kind.engines * kernel.cycles;
      if (!(all > 0))
        continue;
      Json &engine = entry["engines"][engineText(Engine(i))];
      engine["streams"] = kind.engines;
      engine["busy"] = kind.busy / all;
      engine["control"] = kind.control / all;
      engine["idle"] = kind.idle / all;
      for (size_t stall = 0; stall < stallCount; ++stall)
        engine["stalls"][stallText(Stall(stall))] = kind.stalls[stall] / all;
    }
    json["kernels"].push_back(std::move(entry));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {
/// What every engine did in a launch, as events of a trace that begin at 0.
struct Detail {
  Json events = Json::array();
  size_t intervals = 0;
};
} // namespace

/// Simulates a launch again, with its timeline.
static Detail detailOf(const Machine &machine,
                       const std::shared_ptr<const LoadedProgram> &program,
                       const std::vector<int64_t> &parameters) {
  SimulatorOptions options;
  options.data = options.track = false;
  Simulator simulator(machine, options);
  simulator.select(program);
  Detail detail;
  if (simulator.launch(parameters).failed())
    return detail;
  TimingOptions how;
  how.timeline = true;
  TimingReport report = timeProgram(simulator, how);
  if (report.fault)
    return detail;
  detail.intervals = report.timeline.size();
  detail.events = Json::parse(traceJson(report))["traceEvents"];
  return detail;
}

std::string LaunchTimes::trace() const {
  if (launches.empty())
    return "";
  constexpr int64_t queue = 3000000; // a process behind those of units
  double scale = 1e6 / machine.clock;
  Json list = Json::array();
  auto name = [&](int64_t thread, const char *text) {
    list.push_back({{"ph", "M"},
                    {"name", "thread_name"},
                    {"pid", queue},
                    {"tid", thread},
                    {"args", {{"name", text}}}});
  };
  list.push_back({{"ph", "M"},
                  {"name", "process_name"},
                  {"pid", queue},
                  {"args", {{"name", "queue"}}}});
  name(0, "launches");
  name(1, "host transfers");
  std::map<const Launch *, Detail> details;
  size_t intervals = 0;
  std::map<std::string, bool> named;
  for (const Event &event : events) {
    Json json = {{"ph", "X"},
                 {"pid", queue},
                 {"tid", event.launch ? 0 : 1},
                 {"ts", event.begin * scale},
                 {"dur", (event.end - event.begin) * scale}};
    if (!event.launch) {
      json["name"] = event.toDevice ? "to the device" : "to the host";
      json["args"] = {{"bytes", event.bytes}};
      list.push_back(std::move(json));
      continue;
    }
    const KernelTimes &kernel = kernels[event.launch->kernel];
    json["name"] = kernel.name;
    json["cat"] = "launch";
    json["args"] = {{"nodes", kernel.nodes},
                    {"cycles", event.launch->summary.cycles}};
    list.push_back(std::move(json));
    if (!event.launch->isStatic || intervals >= detailedIntervals)
      continue;
    auto [found, isNew] = details.try_emplace(event.launch);
    if (isNew)
      found->second =
          detailOf(machine, kernel.program, event.launch->parameters);
    intervals += found->second.intervals;
    for (Json part : found->second.events) {
      if (part["ph"] == "M" && !named.emplace(part.dump(), true).second)
        continue;
      if (part["ph"] == "X")
        part["ts"] = part["ts"].get<double>() + event.begin * scale;
      list.push_back(std::move(part));
    }
  }
  return Json{{"displayTimeUnit", "ns"}, {"traceEvents", list}}.dump(
             -1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}
