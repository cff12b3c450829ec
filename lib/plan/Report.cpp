//===- Report.cpp - Plans as text and JSON --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Plan.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>

using namespace narae::plan;
using nlohmann::ordered_json;

template <typename... Args>
static std::string format(const char *pattern, Args... args) {
  char text[512];
  std::snprintf(text, sizeof(text), pattern, args...);
  return text;
}

static double gib(double bytes) { return bytes / (1 << 30); }

/// Values are short; what is assumed says so.
static std::string provenance(const Figure &figure) {
  return figure.assumed ? "assumed: " + figure.source : figure.source;
}

static std::string precisionName(const Options &options) {
  return options.precision.empty() ? "as stored" : options.precision;
}

/// Runs of devices with the same numbers share a line.
static std::string spacesText(const Plan &plan) {
  std::string result =
      "  devices    space       weights      cache  activations       peak   "
      "lower bound     usable\n";
  auto same = [](const Space &a, const Space &b) {
    return a.weights == b.weights && a.cache == b.cache &&
           a.activations == b.activations;
  };
  for (size_t i = 0, j; i < plan.spaces.size(); i = j) {
    const Space &first = plan.spaces[i];
    for (j = i + 1; j < plan.spaces.size() && same(first, plan.spaces[j]);)
      ++j;
    const Space &last = plan.spaces[j - 1];
    std::string devices = std::to_string(first.device);
    if (last.device != first.device)
      devices += "-" + std::to_string(last.device);
    std::string name = first.name;
    if (last.device == first.device && last.name != first.name)
      name += "-" + last.name.substr(last.name.rfind('.') + 1);
    else if (size_t dot = name.rfind('.'); dot != std::string::npos)
      name = name.substr(0, dot);
    result += format(
        "  %-10s %-10s %8.2f %10.2f %12.3f %10.2f %13.2f %10.2f GiB  %s\n",
        devices.c_str(), name.c_str(), gib(first.weights), gib(first.cache),
        gib(first.activations), gib(first.peak), gib(first.lowerBound),
        gib(first.capacity - first.reserve),
        first.fits() ? "fits" : "DOES NOT FIT");
  }
  return result;
}

static std::string stepText(const char *name, const StepTime &step) {
  return format("  %-8s at least %10.3f ms, estimated %10.3f ms, bound by %s "
                "(compute %.3f, memory %.3f, link %.3f ms)\n"
                "           traffic: weights %.2f, cache %.3f, activations "
                "%.3f, links %.3f GiB\n",
                name, 1e3 * step.bound, 1e3 * step.estimate,
                step.boundBy.c_str(), 1e3 * step.compute, 1e3 * step.memory,
                1e3 * step.link, gib(step.weightBytes), gib(step.cacheBytes),
                gib(step.activationBytes), gib(step.linkBytes));
}

std::string narae::plan::toText(const Plan &plan, const Hardware &hardware) {
  const Options &options = plan.options;
  std::string result = format(
      "%s on %lld x %s (%s): %s\n", plan.model.c_str(),
      static_cast<long long>(plan.devices), plan.target.c_str(),
      toString(options.parallel).c_str(), plan.fits ? "fits" : "does not fit");
  result += format("  %.0f parameters (%.2f billion active), weights %.2f GiB "
                   "(%s)\n",
                   plan.parameters, plan.activeParameters / 1e9,
                   gib(plan.weightBytes), precisionName(options).c_str());
  result += format(
      "  %lld sequences of %lld tokens; cache (%s): %.0f bytes a token, %.2f "
      "MiB fixed a sequence (%.0f bytes a token if no layer had a window)\n\n",
      static_cast<long long>(options.batch),
      static_cast<long long>(options.context), options.kvType.c_str(),
      plan.kvBytesPerToken, plan.kvBytesFixed / (1 << 20),
      plan.kvBytesPerTokenUniform);
  result += spacesText(plan);
  result += format("  room for %.0f more tokens, or %.0f more sequences\n\n",
                   plan.roomTokens, plan.roomSequences);
  result += stepText("prefill", plan.prefill) + stepText("decode", plan.decode);
  result += "\n  largest buffers of the tightest space:\n";
  for (const LargeBuffer &buffer : plan.largest)
    result +=
        format("    %9.3f GiB  %s\n", gib(buffer.bytes), buffer.name.c_str());
  if (!plan.advice.empty())
    result += "\n  what would make it fit:\n";
  for (const Advice &advice : plan.advice)
    result += "    " + advice.change + ": " + advice.effect + "\n";
  const DeviceMemory &memory = hardware.memory;
  result += format(
      "\n  %s: %lld x %.1f GiB, %.0f GB/s at peak (%s); %.0f %% "
      "of it for streams (%s), of which refresh takes %.1f %%\n",
      memory.kind.c_str(), static_cast<long long>(memory.pools),
      gib(memory.capacity.value), memory.bandwidth.value / 1e9,
      provenance(memory.bandwidth).c_str(), 100 * memory.efficiency.value,
      provenance(memory.efficiency).c_str(), 100 * memory.refresh.value);
  for (const std::string &note : plan.notes)
    result += "  note: " + note + "\n";
  return result;
}

static ordered_json toJson(const StepTime &step) {
  return {{"bound_ms", 1e3 * step.bound},
          {"estimate_ms", 1e3 * step.estimate},
          {"bound_by", step.boundBy},
          {"compute_ms", 1e3 * step.compute},
          {"memory_ms", 1e3 * step.memory},
          {"link_ms", 1e3 * step.link},
          {"traffic",
           {{"weights", std::llround(step.weightBytes)},
            {"cache", std::llround(step.cacheBytes)},
            {"activations", std::llround(step.activationBytes)},
            {"links", std::llround(step.linkBytes)}}}};
}

static ordered_json toJson(const Figure &figure) {
  return {{"value", figure.value},
          {figure.assumed ? "assumed" : "source", figure.source}};
}

static ordered_json toJson(const Hardware &hardware) {
  const DeviceMemory &memory = hardware.memory;
  ordered_json peak;
  for (auto &[type, figure] : hardware.peak)
    peak[type] = toJson(figure);
  return {{"name", hardware.name},
          {"memory",
           {{"kind", memory.kind},
            {"pools", memory.pools},
            {"interleave", memory.hashed ? "hashed" : "software"},
            {"capacity", toJson(memory.capacity)},
            {"reserve", toJson(memory.reserve)},
            {"bandwidth", toJson(memory.bandwidth)},
            {"refresh", toJson(memory.refresh)},
            {"efficiency", toJson(memory.efficiency)},
            {"granule", memory.granule}}},
          {"peak", peak},
          {"compute_efficiency", toJson(hardware.computeEfficiency)},
          {"link_bandwidth", toJson(hardware.link)},
          {"network_bandwidth", toJson(hardware.network)},
          {"host_bandwidth", toJson(hardware.host)}};
}

std::string narae::plan::toJson(const Plan &plan, const Hardware &hardware) {
  const Options &options = plan.options;
  auto bytes = [](double value) { return std::llround(value); };
  ordered_json spaces = ordered_json::array();
  for (const Space &space : plan.spaces)
    spaces.push_back({{"device", space.device},
                      {"name", space.name},
                      {"capacity", bytes(space.capacity)},
                      {"reserve", bytes(space.reserve)},
                      {"weights", bytes(space.weights)},
                      {"cache", bytes(space.cache)},
                      {"activations", bytes(space.activations)},
                      {"peak", bytes(space.peak)},
                      {"lower_bound", bytes(space.lowerBound)},
                      {"fits", space.fits()}});
  ordered_json largest = ordered_json::array(), advice = largest,
               stages = largest;
  for (const LargeBuffer &buffer : plan.largest)
    largest.push_back({{"name", buffer.name}, {"bytes", bytes(buffer.bytes)}});
  for (const Advice &item : plan.advice)
    advice.push_back({{"change", item.change}, {"effect", item.effect}});
  for (const Stage &stage : plan.stages)
    stages.push_back({stage.first, stage.last});
  ordered_json result = {
      {"model", plan.model},
      {"target", plan.target},
      {"devices", plan.devices},
      {"parallel",
       {{"tp", options.parallel.tensor},
        {"ep", options.parallel.expert},
        {"pp", options.parallel.pipeline}}},
      {"precision", precisionName(options)},
      {"kv_type", options.kvType},
      {"batch", options.batch},
      {"context", options.context},
      {"fits", plan.fits},
      {"parameters", bytes(plan.parameters)},
      {"active_parameters", bytes(plan.activeParameters)},
      {"weight_bytes", bytes(plan.weightBytes)},
      {"kv_bytes_per_token", bytes(plan.kvBytesPerToken)},
      {"kv_bytes_fixed", bytes(plan.kvBytesFixed)},
      {"kv_bytes_per_token_uniform", bytes(plan.kvBytesPerTokenUniform)},
      {"spaces", spaces},
      {"prefill", ::toJson(plan.prefill)},
      {"decode", ::toJson(plan.decode)},
      {"room",
       {{"tokens", bytes(plan.roomTokens)},
        {"sequences", bytes(plan.roomSequences)}}},
      {"largest", largest},
      {"stages", stages},
      {"advice", advice},
      {"notes", plan.notes},
      {"hardware", ::toJson(hardware)}};
  return result.dump(2) + "\n";
}

std::string narae::plan::compareText(const std::vector<Plan> &plans) {
  std::string result = "target                devices  fits   tightest used   "
                       "prefill ms (bound)      decode ms (bound)  bound by\n";
  for (const Plan &plan : plans) {
    double used = 0;
    for (const Space &space : plan.spaces)
      used = std::max(used, space.peak / (space.capacity - space.reserve));
    result += format("%-22s %6lld  %-5s %13.1f %%  %10.1f (%8.1f)  %10.2f "
                     "(%8.2f)  %s\n",
                     plan.target.c_str(), static_cast<long long>(plan.devices),
                     plan.fits ? "yes" : "no", 100 * used,
                     1e3 * plan.prefill.estimate, 1e3 * plan.prefill.bound,
                     1e3 * plan.decode.estimate, 1e3 * plan.decode.bound,
                     plan.decode.boundBy.c_str());
  }
  return result;
}
