//===- Report.cpp - What narae run prints and writes ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/Report.h"
#include "lib/artifact/OutputFile.h"
#include "lib/artifact/Values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

using namespace narae;
using Json = nlohmann::ordered_json;

/// Elements shown of each output.
static constexpr size_t shownValues = 8;

namespace {
struct Statistics {
  double min = 0, max = 0, mean = 0;
  size_t numbers = 0, notNumbers = 0;
};
} // namespace

static size_t elementCount(const narae_tensor &tensor) {
  size_t count = 1;
  for (size_t i = 0; i < tensor.rank; ++i)
    count *= static_cast<size_t>(tensor.shape[i]);
  return count;
}

static std::string stringAt(const narae_tensor &tensor, size_t i) {
  return static_cast<const char *const *>(tensor.data)[i];
}

static Statistics computeStatistics(const narae_tensor &tensor) {
  Statistics result;
  size_t count = elementCount(tensor);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    double value = readElement(tensor.type, tensor.data, i);
    if (std::isnan(value)) {
      ++result.notNumbers;
      continue;
    }
    result.min = result.numbers ? std::min(result.min, value) : value;
    result.max = result.numbers ? std::max(result.max, value) : value;
    sum += value;
    ++result.numbers;
  }
  if (result.numbers)
    result.mean = sum / static_cast<double>(result.numbers);
  return result;
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 ? values[half]
                           : (values[half - 1] + values[half]) / 2;
}

static std::string formatNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

static std::string formatOutput(const std::string &name,
                                const narae_tensor &tensor) {
  std::string text = name + ": " + narae_type_name(tensor.type) + "[";
  for (size_t i = 0; i < tensor.rank; ++i)
    text += (i ? ", " : "") + std::to_string(tensor.shape[i]);
  text += "]";
  size_t count = elementCount(tensor);
  if (tensor.type == NARAE_STRING) {
    text += "\n ";
    for (size_t i = 0; i < std::min(count, shownValues); ++i)
      text += " " + Json(stringAt(tensor, i))
                        .dump(-1, ' ', false, Json::error_handler_t::replace);
    return text + (count > shownValues ? " ...\n" : "\n");
  }
  Statistics statistics = computeStatistics(tensor);
  if (statistics.numbers)
    text += "  min " + formatNumber(statistics.min) + "  max " +
            formatNumber(statistics.max) + "  mean " +
            formatNumber(statistics.mean);
  if (statistics.notNumbers)
    text += "  NaN " + std::to_string(statistics.notNumbers);
  text += "\n ";
  for (size_t i = 0; i < std::min(count, shownValues); ++i)
    text += " " + formatNumber(readElement(tensor.type, tensor.data, i));
  return text + (count > shownValues ? " ...\n" : "\n");
}

/// Tokens a second at the pace of the device's own clock; 0 where it has none,
/// or there are no tokens.
static double tokensPerSecond(const RunReport &report) {
  Json device = Json::parse(report.deviceJson, nullptr,
                            /*allow_exceptions=*/false);
  if (!report.tokens || !device.is_object() || !device.contains("seconds") ||
      !device["seconds"].is_number())
    return 0;
  double seconds = device["seconds"].get<double>();
  return seconds > 0 ? double(report.tokens * report.runs) / seconds : 0;
}

std::string narae::formatText(const RunReport &report) {
  std::string text;
  for (size_t i = 0; i < report.outputs.size() && !report.timingOnly; ++i)
    text += formatOutput(report.names[i], report.outputs[i]);
  if (report.showTime && !report.milliseconds.empty()) {
    const std::vector<double> &times = report.milliseconds;
    text += "time: min " +
            formatNumber(*std::min_element(times.begin(), times.end())) +
            " ms, median " + formatNumber(median(times)) + " ms of " +
            std::to_string(times.size()) + " runs\n";
  }
  text += report.deviceText;
  if (double rate = tokensPerSecond(report); rate > 0)
    text += formatNumber(rate) + " tokens/s, " + std::to_string(report.tokens) +
            " tokens a run of '" + report.entry + "'\n";
  return text;
}

/// JSON has no NaN and no infinity.
static Json jsonNumber(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

std::string narae::formatJson(const RunReport &report) {
  Json outputs = Json::array();
  for (size_t i = 0; i < report.outputs.size() && !report.timingOnly; ++i) {
    const narae_tensor &tensor = report.outputs[i];
    Json output = {{"name", report.names[i]},
                   {"type", narae_type_name(tensor.type)},
                   {"shape", std::vector<int64_t>(tensor.shape,
                                                  tensor.shape + tensor.rank)}};
    if (tensor.type == NARAE_STRING) {
      Json values = Json::array();
      for (size_t k = 0; k < std::min(elementCount(tensor), shownValues); ++k)
        values.push_back(stringAt(tensor, k));
      output["values"] = std::move(values);
    } else {
      Statistics statistics = computeStatistics(tensor);
      Json values = Json::array();
      for (size_t k = 0; k < std::min(elementCount(tensor), shownValues); ++k)
        values.push_back(jsonNumber(readElement(tensor.type, tensor.data, k)));
      bool any = statistics.numbers != 0;
      output["min"] = any ? jsonNumber(statistics.min) : Json(nullptr);
      output["max"] = any ? jsonNumber(statistics.max) : Json(nullptr);
      output["mean"] = any ? jsonNumber(statistics.mean) : Json(nullptr);
      output["nan"] = statistics.notNumbers;
      output["values"] = std::move(values);
    }
    outputs.push_back(std::move(output));
  }
  const std::vector<double> &times = report.milliseconds;
  Json json = {{"entry", report.entry},
               {"outputs", std::move(outputs)},
               {"time_ms",
                {{"runs", times.size()},
                 {"min", *std::min_element(times.begin(), times.end())},
                 {"median", median(times)}}},
               {"arena_bytes", report.arenaBytes},
               {"weight_bytes", report.weightBytes}};
  if (!report.deviceJson.empty())
    json["device"] = Json::parse(report.deviceJson, nullptr,
                                 /*allow_exceptions=*/false);
  if (double rate = tokensPerSecond(report); rate > 0)
    json["tokens_per_second"] = rate;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status narae::writeText(const std::string &path, const std::string &text) {
  auto file = artifact::OutputFile::create(path);
  if (file.failed())
    return file.status();
  if (Status status = (*file)->write(text.data(), text.size()); status.failed())
    return status;
  return (*file)->commit();
}

Status narae::writeTrace(const std::string &path,
                         const std::vector<TraceEvent> &events) {
  uint64_t origin = events.empty() ? 0 : events.front().begin;
  Json list = Json::array();
  for (const TraceEvent &event : events)
    list.push_back({{"name", event.kernel},
                    {"cat", "kernel"},
                    {"ph", "X"},
                    {"ts", static_cast<double>(event.begin - origin) / 1e3},
                    {"dur", static_cast<double>(event.end - event.begin) / 1e3},
                    {"pid", 1},
                    {"tid", 1},
                    {"args", {{"nodes", event.nodes}}}});
  Json trace = {{"traceEvents", std::move(list)}, {"displayTimeUnit", "ms"}};
  std::string text =
      trace.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  return writeText(path, text);
}
