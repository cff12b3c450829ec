//===- Report.cpp - What the time of a program was spent on ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Timer.h"

#include <nlohmann/json.hpp>

#include <cmath>

using namespace narae;
using namespace narae::npu;
using Json = nlohmann::ordered_json;

const char *narae::npu::stallText(Stall stall) {
  switch (stall) {
  case Stall::Semaphore:
    return "semaphore";
  case Stall::Barrier:
    return "barrier";
  case Stall::Completion:
    return "descriptors under way";
  case Stall::Queue:
    return "queue full";
  }
  return "";
}

void Timer::record(size_t number, double begin, double end, double bound,
                   Opcode opcode, std::optional<Stall> stall,
                   bool betweenChiplets) {
  if (options.timeline)
    report.timeline.push_back(
        {number, begin, end, bound, opcode, stall, betweenChiplets});
}

void Timer::summarise() {
  for (const StreamTime &stream : streams)
    report.cycles = std::max(report.cycles, stream.end);
  for (size_t i = 0; i < streams.size(); ++i) {
    EngineReport &engine = report.engines[i];
    engine.idle = report.cycles - streams[i].end;
    report.macs += engine.macs;
    if (!streams[i].isDma && engine.bound > report.computeBound) {
      report.computeBound = engine.bound;
      report.computeBy = describe(engine.id);
    }
  }
  for (const Resource &resource : fabric.resources) {
    if (resource.bytes == 0)
      continue;
    report.resources.push_back(resource);
    double cycles = resource.bytes / resource.capacity;
    if (cycles > report.movementBound) {
      report.movementBound = cycles;
      report.movementBy = resource.name;
    }
    if (resource.name.rfind("dram ", 0) == 0)
      report.dramBytes += resource.bytes;
  }
}

static Json engineJson(const EngineReport &engine, double cycles) {
  Json json;
  json["engine"] = describe(engine.id);
  json["words"] = engine.words;
  json["instructions"] = engine.instructions;
  json["waits"] = engine.waits;
  json["signals"] = engine.signals;
  json["busy"] = engine.busy;
  json["control"] = engine.control;
  for (size_t i = 0; i < stallCount; ++i)
    json["stalls"][stallText(Stall(i))] = engine.stalls[i];
  json["idle"] = engine.idle;
  json["macs"] = engine.macs;
  json["mac_cycles"] = engine.macCycles;
  json["bytes"] = engine.bytes;
  json["utilisation"] = cycles > 0 ? engine.busy / cycles : 0;
  json["at_peak"] = cycles > 0 ? engine.bound / cycles : 0;
  return json;
}

/// Flops/s, and what memory and array allow at the program's intensity.
static Json rooflineJson(const TimingReport &report, const Machine &machine) {
  double arrayCycles = 0, seconds = report.seconds();
  for (const EngineReport &engine : report.engines)
    arrayCycles += engine.macCycles;
  double flops = 2 * report.macs;
  // At the types that the program multiplies, on all cores.
  double peak = arrayCycles > 0 ? flops / arrayCycles * machine.clock *
                                      double(machine.allCores())
                                : 0;
  double bandwidth = machine.dram.bandwidth * double(machine.dram.pools);
  Json json;
  json["flops"] = flops;
  json["dram_bytes"] = report.dramBytes;
  json["peak_flops_per_second"] = peak;
  json["peak_bytes_per_second"] = bandwidth;
  json["flops_per_second"] = seconds > 0 ? flops / seconds : 0;
  json["bytes_per_second"] = seconds > 0 ? report.dramBytes / seconds : 0;
  if (report.dramBytes > 0) {
    double intensity = flops / report.dramBytes;
    json["flops_per_byte"] = intensity;
    json["possible_flops_per_second"] = std::min(peak, intensity * bandwidth);
  }
  return json;
}

std::string narae::npu::reportJson(const TimingReport &report,
                                   const Machine &machine) {
  Json json;
  json["machine"] = machine.name;
  json["cycles"] = report.cycles;
  json["seconds"] = report.seconds();
  json["bound"] = {{"compute", report.computeBound},
                   {"compute_by", report.computeBy},
                   {"movement", report.movementBound},
                   {"movement_by", report.movementBy}};
  json["roofline"] = rooflineJson(report, machine);
  json["engines"] = Json::array();
  for (const EngineReport &engine : report.engines)
    json["engines"].push_back(engineJson(engine, report.cycles));
  json["resources"] = Json::array();
  for (const Resource &resource : report.resources) {
    double all = resource.capacity * report.cycles;
    json["resources"].push_back(
        {{"name", resource.name},
         {"bytes", resource.bytes},
         {"bytes_per_cycle", resource.capacity},
         {"utilisation", all > 0 ? resource.bytes / all : 0},
         {"occupied", all > 0 ? resource.occupied / all : 0}});
  }
  return json.dump(2) + "\n";
}

namespace {
/// A class of commands: a lane of the trace for each queue.
enum class Lane { Tensor, Vector, Dma, TaskDma, DeviceDma, HostDma, Sync };
} // namespace

static Lane laneOf(const EngineId &id, const Interval &interval) {
  if (interval.stall)
    return Lane::Sync;
  switch (id.engine) {
  case Engine::Tensor:
    return Lane::Tensor;
  case Engine::Vector:
    return Lane::Vector;
  case Engine::HostDma:
    return Lane::HostDma;
  case Engine::CoreDma:
  case Engine::ChipletDma:
    break;
  }
  if (interval.betweenChiplets)
    return Lane::DeviceDma;
  return id.engine == Engine::CoreDma ? Lane::Dma : Lane::TaskDma;
}

static const char *laneText(Lane lane) {
  switch (lane) {
  case Lane::Tensor:
    return "tensor";
  case Lane::Vector:
    return "vector";
  case Lane::Dma:
    return "core dma";
  case Lane::TaskDma:
    return "chiplet dma";
  case Lane::DeviceDma:
    return "dma between chiplets";
  case Lane::HostDma:
    return "host dma";
  case Lane::Sync:
    return "waits of";
  }
  return "";
}

std::string narae::npu::traceJson(const TimingReport &report) {
  Json events = Json::array();
  std::map<std::pair<int64_t, int64_t>, std::string> lanes;
  std::map<int64_t, std::string> units;
  auto place = [&](const EngineId &id, int64_t &process) {
    bool ofCore =
        id.engine != Engine::ChipletDma && id.engine != Engine::HostDma;
    // Cores, then chiplets, then the host.
    int64_t kind = ofCore ? 0 : id.engine == Engine::ChipletDma ? 1 : 2;
    process = kind * 1000000 + id.unit;
    units[process] =
        kind == 2 ? "host"
                  : (kind ? "chiplet " : "core ") + std::to_string(id.unit);
  };
  double scale = 1e6 / report.clock; // microseconds
  for (const Interval &interval : report.timeline) {
    const EngineId &id = report.engines[interval.stream].id;
    Lane lane = laneOf(id, interval);
    int64_t process, queues = 4096;
    place(id, process);
    int64_t thread = int64_t(lane) * queues * 5 + id.queue;
    std::string name = laneText(lane);
    if (lane == Lane::Sync) {
      // Streams of a unit wait at the same time: a lane each.
      thread += int64_t(id.engine) * queues;
      name += std::string(" ") + engineText(id.engine);
    }
    bool several = id.engine != Engine::Tensor && id.engine != Engine::Vector;
    if (several)
      name += " " + std::to_string(id.queue);
    lanes[{process, thread}] = name;
    Json event;
    event["ph"] = "X";
    event["name"] = interval.stall
                        ? stallText(*interval.stall)
                        : findInstruction(uint8_t(interval.opcode))->mnemonic;
    event["cat"] = laneText(lane);
    event["pid"] = process;
    event["tid"] = thread;
    event["ts"] = interval.begin * scale;
    event["dur"] = (interval.end - interval.begin) * scale;
    event["args"] = {{"begin", interval.begin},
                     {"cycles", interval.end - interval.begin},
                     {"at_peak", interval.bound}};
    events.push_back(std::move(event));
  }
  Json names = Json::array();
  for (const auto &[process, name] : units)
    names.push_back({{"ph", "M"},
                     {"name", "process_name"},
                     {"pid", process},
                     {"args", {{"name", name}}}});
  for (const auto &[lane, name] : lanes)
    names.push_back({{"ph", "M"},
                     {"name", "thread_name"},
                     {"pid", lane.first},
                     {"tid", lane.second},
                     {"args", {{"name", name}}}});
  names.insert(names.end(), events.begin(), events.end());
  return Json{{"displayTimeUnit", "ns"}, {"traceEvents", names}}.dump() + "\n";
}

std::string narae::npu::reportText(const TimingReport &report) {
  char line[256];
  std::string text;
  auto add = [&](const char *format, auto... values) {
    std::snprintf(line, sizeof line, format, values...);
    text += line;
  };
  double all = std::max(report.cycles, 1.0);
  add("%.0f cycles, %.3f us; bounds: compute %.0f (%s), movement %.0f (%s)\n",
      std::ceil(report.cycles), report.seconds() * 1e6, report.computeBound,
      report.computeBy.c_str(), report.movementBound,
      report.movementBy.c_str());
  for (const EngineReport &engine : report.engines) {
    add("%-18s busy %5.1f%%, at peak %5.1f%%; waits for",
        describe(engine.id).c_str(), 100 * engine.busy / all,
        100 * engine.bound / all);
    for (size_t i = 0; i < stallCount; ++i)
      add("%s %s %.1f%%", i ? "," : "", stallText(Stall(i)),
          100 * engine.stalls[i] / all);
    text += "\n";
  }
  for (const Resource &resource : report.resources)
    add("%-18s %.0f bytes, %.1f%% of its bandwidth\n", resource.name.c_str(),
        resource.bytes, 100 * resource.bytes / (resource.capacity * all));
  return text;
}
