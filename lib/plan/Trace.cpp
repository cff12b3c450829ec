//===- Trace.cpp - Plans as trace events ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The format: "Trace Event Format", JSON object form, times in microseconds.
//===----------------------------------------------------------------------===//

#include "lib/plan/Timeline.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using namespace narae::plan;
using nlohmann::ordered_json;

namespace {
class TraceWriter {
public:
  TraceWriter(const Plan &plan, bool sharesDevices)
      : plan(plan), sharesDevices(sharesDevices) {}

  void device(int64_t number, const StageTimeline &timeline);
  std::string finish(const Hardware &hardware);

private:
  void meta(const char *what, int64_t device, int64_t thread,
            const ordered_json &arguments) {
    add(-1, {{"name", what},
             {"ph", "M"},
             {"pid", device},
             {"tid", thread},
             {"args", arguments}});
  }
  void add(int64_t time, const ordered_json &event) {
    lines.push_back({time, lines.size(), event.dump()});
  }
  /// Whole nanoseconds: neighbours stay neighbours.
  static int64_t nanoseconds(double seconds) {
    return std::llround(1e9 * seconds);
  }
  void slice(int64_t device, int64_t thread, const Event &event,
             const std::string &category, const ordered_json &arguments);
  void counters(int64_t device, const StageTimeline &timeline);

  const Plan &plan;
  bool sharesDevices;
  struct Line {
    int64_t time; ///< nanoseconds; -1 for what names devices and lanes
    size_t number;
    std::string text;
  };
  std::vector<Line> lines;
};
} // namespace

void TraceWriter::slice(int64_t device, int64_t thread, const Event &event,
                        const std::string &category,
                        const ordered_json &arguments) {
  int64_t start = nanoseconds(event.start), end = nanoseconds(event.end);
  if (end > start)
    add(start, {{"name", event.name},
                {"cat", category},
                {"ph", "X"},
                {"ts", start / 1e3},
                {"dur", (end - start) / 1e3},
                {"pid", device},
                {"tid", thread},
                {"args", arguments}});
}

void TraceWriter::counters(int64_t device, const StageTimeline &timeline) {
  for (const Space &space : plan.spaces) {
    if (space.device != device)
      continue;
    for (const CacheFill &fill : timeline.fills)
      add(nanoseconds(fill.time),
          {{"name", space.name + " bytes"},
           {"ph", "C"},
           {"ts", nanoseconds(fill.time) / 1e3},
           {"pid", device},
           {"args",
            {{"weights", std::llround(space.weights)},
             {"cache", std::llround(plan.isGraph ? 0 : fill.bytes)},
             {"activations",
              std::llround(plan.isGraph ? fill.bytes : space.activations)}}}});
  }
}

void TraceWriter::device(int64_t number, const StageTimeline &timeline) {
  int64_t ranks = plan.options.parallel.tensor;
  std::string name = "device " + std::to_string(number);
  if (sharesDevices && ranks > 1)
    name = "devices " + std::to_string(number) + "-" +
           std::to_string(number + ranks - 1) + ", all alike";
  meta("process_name", number, 0, {{"name", name}});
  meta("process_sort_index", number, 0, {{"sort_index", number}});
  meta("thread_name", number, 0, {{"name", "step"}});
  Event prefill = timeline.prefill, decode = timeline.decode;
  prefill.name =
      plan.isGraph
          ? "run"
          : "prefill, " + std::to_string(plan.options.context) + " tokens";
  decode.name = "decode, one token";
  slice(number, 0, prefill, "step", ordered_json::object());
  slice(number, 0, decode, "step", ordered_json::object());
  for (size_t i = 0; i < timeline.lanes.size(); ++i) {
    const Lane &lane = timeline.lanes[i];
    int64_t thread = int64_t(i) + 1;
    meta("thread_name", number, thread, {{"name", lane.name}});
    meta("thread_sort_index", number, thread, {{"sort_index", thread}});
    for (const Event &event : lane.events)
      slice(number, thread, event,
            plan.isGraph                 ? "run"
            : event.start < decode.start ? "prefill"
                                         : "decode",
            {{lane.unit, std::llround(event.amount)}});
  }
  counters(number, timeline);
}

std::string TraceWriter::finish(const Hardware &hardware) {
  std::sort(lines.begin(), lines.end(), [](const Line &a, const Line &b) {
    return a.time != b.time ? a.time < b.time : a.number < b.number;
  });
  // One event a line: large, and still readable.
  std::string result =
      "{\"displayTimeUnit\": \"ms\",\n\"otherData\": " +
      ordered_json({{"model", plan.model},
                    {"target", plan.target},
                    {"devices", plan.devices},
                    {"parallel", toString(plan.options.parallel)},
                    {"memory", hardware.memory.kind},
                    {"notes", plan.notes}})
          .dump() +
      ",\n\"traceEvents\": [\n";
  for (size_t i = 0; i < lines.size(); ++i)
    result += lines[i].text + (i + 1 < lines.size() ? ",\n" : "\n");
  return result + "]}\n";
}

std::string narae::plan::toTrace(const Inventory &inventory,
                                 const Hardware &hardware, const Plan &plan) {
  return traceOf(makeTimeline(inventory, hardware, plan), hardware, plan);
}

std::string narae::plan::traceOf(const std::vector<StageTimeline> &timelines,
                                 const Hardware &hardware, const Plan &plan) {
  int64_t ranks = plan.options.parallel.tensor;
  bool shares = plan.devices > 64;
  TraceWriter writer(plan, shares);
  for (size_t stage = 0; stage < timelines.size(); ++stage)
    for (int64_t rank = 0; rank < (shares ? 1 : ranks); ++rank)
      writer.device(int64_t(stage) * ranks + rank, timelines[stage]);
  return writer.finish(hardware);
}
