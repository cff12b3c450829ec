//===- Report.cpp - Plans as JSON -----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Plan.h"

#include <nlohmann/json.hpp>

#include <cmath>

using namespace narae::plan;
using nlohmann::ordered_json;

static std::string precisionName(const Options &options) {
  return options.precision.empty() ? "as stored" : options.precision;
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

static ordered_json toJson(const Space &space) {
  auto bytes = [](double value) { return std::llround(value); };
  ordered_json result = {{"device", space.device},
                         {"name", space.name},
                         {"capacity", bytes(space.capacity)},
                         {"reserve", bytes(space.reserve)},
                         {"weights", bytes(space.weights)},
                         {"cache", bytes(space.cache)},
                         {"activations", bytes(space.activations)},
                         {"padding", bytes(space.padding)},
                         {"peak", bytes(space.peak)},
                         {"lower_bound", bytes(space.lowerBound)},
                         {"fits", space.fits()}};
  if (space.regions.empty())
    return result;
  static const char *names[] = {"weights", "cache", "activations"};
  ordered_json regions = ordered_json::array();
  for (const narae::placement::Region &region : space.regions)
    regions.push_back({{"stream", names[size_t(region.stream)]},
                       {"offset", bytes(region.offset)},
                       {"bytes", bytes(region.bytes)},
                       {"bank_sets", {region.firstSet, region.lastSet}}});
  result["regions"] = regions;
  result["shared_banks"] = space.shared;
  return result;
}

/// What is declared of a pool's channels and banks; null when nothing is.
static ordered_json organisation(const DeviceMemory &memory) {
  if (memory.channels == 0)
    return nullptr;
  return {{"channels", memory.channels},
          {"banks", memory.banks},
          {"interleave_bytes", memory.interleaveBytes},
          {"bank_sets", memory.bankSets},
          {memory.organisation.assumed ? "assumed" : "source",
           memory.organisation.source}};
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
            {"granule", memory.granule},
            {"organisation", organisation(memory)}}},
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
    spaces.push_back(::toJson(space));
  ordered_json largest = ordered_json::array(), advice = largest,
               stages = largest;
  for (const LargeBuffer &buffer : plan.largest)
    largest.push_back({{"name", buffer.name}, {"bytes", bytes(buffer.bytes)}});
  ordered_json padded = ordered_json::array();
  for (const narae::placement::Padded &item : plan.padded)
    padded.push_back(
        {{"name", item.name}, {"row", item.from}, {"padded_row", item.to}});
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
      {"near", nullptr},
      {"prefill", ::toJson(plan.prefill)},
      {"decode", ::toJson(plan.decode)},
      {"room",
       {{"tokens", bytes(plan.roomTokens)},
        {"sequences", bytes(plan.roomSequences)}}},
      {"tightest",
       {{"device", plan.spaces[plan.tightest].device},
        {"space", plan.spaces[plan.tightest].name},
        {"room", bytes(plan.spaces[plan.tightest].room())}}},
      {"padded", padded},
      {"bandwidth",
       {{"peak", plan.peakBandwidth},
        {"derated", plan.deratedBandwidth},
        {"refresh_tax", plan.refreshTax},
        {"source", hardware.memory.efficiency.source},
        {"refresh_source", hardware.memory.refresh.source}}},
      {"largest", largest},
      {"stages", stages},
      {"advice", advice},
      {"notes", plan.notes},
      {"hardware", ::toJson(hardware)}};
  if (!plan.streaming.unit.empty())
    result["streaming"] = {
        {"unit", plan.streaming.unit},
        {"host_bytes", bytes(plan.streaming.hostBytes)},
        {"buffer_bytes", bytes(plan.streaming.buffers)},
        {"bytes_per_token", bytes(plan.streaming.tokenBytes)},
        {"decode_ms", 1e3 * plan.streaming.decode},
        {"prefill_ms", 1e3 * plan.streaming.prefill}};
  if (!plan.near.empty()) {
    const NearMemory &near = hardware.near;
    ordered_json steps = ordered_json::array();
    for (const NearUse &use : plan.near)
      steps.push_back({{"step", use.step},
                       {"weights", bytes(use.weights)},
                       {"cache", bytes(use.cache)},
                       {"activations", bytes(use.activations)},
                       {"peak", bytes(use.peak)},
                       {"lower_bound", bytes(use.lowerBound)},
                       {"copied_bytes", bytes(use.copied)},
                       {"home_bytes", bytes(use.atHome)},
                       {"ms", 1e3 * use.seconds},
                       {"ms_at_home", 1e3 * use.secondsAtHome},
                       {"bound_ms", 1e3 * use.bound}});
    result["near"] = {{"name", near.name},
                      {"kind", near.kind},
                      {"spaces", hardware.memory.pools * plan.devices},
                      {"capacity", ::toJson(near.capacity)},
                      {"reserve", ::toJson(near.reserve)},
                      {"granule", near.granule},
                      {"channels", near.channels},
                      {"fill", ::toJson(near.fill)},
                      {"drain", ::toJson(near.drain)},
                      {"startup", ::toJson(near.startup)},
                      {"steps", steps}};
  }
  if (plan.isGraph)
    result["run"] = ::toJson(plan.prefill);
  return result.dump(2) + "\n";
}
