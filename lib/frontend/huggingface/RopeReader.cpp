//===- RopeReader.cpp - Rotary embeddings of a configuration --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/RopeReader.h"

#include "lib/frontend/language/RopeScaling.h"

#include <cmath>

using namespace narae;
using namespace narae::huggingface;
using language::Rope;

/// VAETKI's layers without a window were trained with positions an eighth
/// apart; its code has the number, its configuration does not.
static constexpr double kGlobalInterpolation = 8;

RopeReader::RopeReader(Config &config, const Family &family, int64_t dim,
                       int64_t maxContext)
    : config(config), dim(dim), maxContext(maxContext) {
  double theta = config.number({"rope_theta"}).value_or(family.defaultTheta);
  partial =
      config.number({"partial_rotary_factor"}).value_or(family.defaultPartial);
  // A scaling in the older spelling wins, as in transformers.
  std::optional<Config> scaling = config.part({"rope_scaling"});
  std::optional<Config> parameters = config.part({"rope_parameters"});
  if (scaling && parameters) {
    for (const auto &[key, value] : scaling->json())
      if (const llvm::json::Value *other = parameters->json().get(key);
          other && *other != value)
        config.fail({"rope_scaling"}, "and 'rope_parameters' have different '" +
                                          key.str() + "': remove one");
    for (const auto &entry : scaling->json())
      scaling->ignore({entry.first});
  }
  if (!parameters)
    parameters = scaling;

  if (family.globalTheta) {
    // Layers with a window rotate plainly.
    double global = config.number({"rope_theta_global"}).value_or(theta);
    types["full_attention"] =
        read(parameters, global, /*eighth=*/!parameters.has_value());
    rule = read(std::nullopt, theta, false);
    return;
  }
  bool nested = false;
  for (const char *type : {"full_attention", "sliding_attention"}) {
    if (!parameters || !parameters->json().get(type))
      continue;
    nested = true;
    // null: such layers do not rotate.
    if (std::optional<Config> part = parameters->part({type}))
      types[type] = read(part, theta, false);
    else
      types[type] = Rule();
  }
  if (!nested)
    rule = read(parameters, theta, false);
}

std::optional<Rope> RopeReader::of(const std::string &layerType) const {
  auto found = types.find(layerType);
  return found == types.end() ? rule.rope : found->second.rope;
}

double RopeReader::softmaxFactor(const std::string &layerType) const {
  auto found = types.find(layerType);
  return found == types.end() ? rule.softmaxFactor
                              : found->second.softmaxFactor;
}

double RopeReader::positive(Config &scaling, llvm::StringRef key,
                            double byDefault) {
  double value = scaling.number({key}).value_or(byDefault);
  if (value > 0)
    return value;
  scaling.fail({key}, "must be above 0");
  return 1;
}

double RopeReader::originalContext(Config &scaling) {
  // Beside the object it has precedence, as in transformers.
  llvm::StringRef key = "original_max_position_embeddings";
  std::optional<double> inside = scaling.number({key});
  double context = config.number({key}).value_or(
      inside.value_or(static_cast<double>(maxContext)));
  if (context > 0)
    return context;
  scaling.fail({key}, "must be above 0");
  return 1;
}

Rope RopeReader::yarn(Config &scaling, double theta, int64_t rotated,
                      double &softmaxFactor) {
  language::YarnScaling rule;
  rule.originalContext = originalContext(scaling);
  rule.factor =
      positive(scaling, "factor",
               static_cast<double>(maxContext) / rule.originalContext);
  auto orDefault = [&](llvm::StringRef key, double byDefault) {
    double value = scaling.number({key}).value_or(0);
    return value > 0 ? value : byDefault;
  };
  rule.betaFast = orDefault("beta_fast", 32);
  rule.betaSlow = orDefault("beta_slow", 1);
  rule.truncate = scaling.flag({"truncate"}).value_or(true);
  rule.attentionFactor = scaling.number({"attention_factor"});
  rule.mscale = scaling.number({"mscale"});
  rule.mscaleAllDim = scaling.number({"mscale_all_dim"});
  softmaxFactor = language::yarnSoftmaxFactor(rule);
  return language::yarnRope(theta, rotated, rule);
}

void RopeReader::llama3(Config &scaling, std::vector<double> &frequencies) {
  language::Llama3Scaling rule;
  rule.factor = positive(scaling, "factor", 8);
  rule.lowFrequencyFactor = positive(scaling, "low_freq_factor", 1);
  rule.highFrequencyFactor = positive(scaling, "high_freq_factor", 4);
  rule.originalContext = originalContext(scaling);
  if (rule.highFrequencyFactor <= rule.lowFrequencyFactor)
    scaling.fail({"high_freq_factor"}, "must be above low_freq_factor");
  else
    language::scaleLlama3(frequencies, rule);
}

/// Frequencies divided one by one, by the shorter list up to the context of
/// the first training and by the longer beyond; cosines and sines are
/// multiplied with sqrt(1 + ln(factor) / ln(that context)).
void RopeReader::longrope(Config &scaling, Rope &rope) {
  double original = originalContext(scaling);
  double factor = positive(scaling, "factor",
                           std::max(double(maxContext) / original, 1e-9));
  rope.factor = factor <= 1 || original <= 1
                    ? 1
                    : std::sqrt(1 + std::log(factor) / std::log(original));
  rope.factor = scaling.number({"attention_factor"}).value_or(rope.factor);
  scaling.ignore({"long_factor"});
  auto last = int64_t(original);
  limit = limit ? std::min(limit, last) : last;
  std::optional<std::vector<double>> divisors =
      scaling.numbers({"short_factor"});
  size_t pairs = rope.inverseFrequencies.size();
  if (!divisors || divisors->size() != pairs) {
    scaling.fail({"short_factor"},
                 divisors ? "has " + std::to_string(divisors->size()) +
                                " entries for the " + std::to_string(pairs) +
                                " pairs of elements that rotate"
                          : "is missing");
    return;
  }
  for (size_t i = 0; i < pairs; ++i) {
    if ((*divisors)[i] > 0) {
      rope.inverseFrequencies[i] /= (*divisors)[i];
      continue;
    }
    scaling.fail({"short_factor"}, "has an entry that is not above 0");
    return;
  }
}

RopeReader::Rule RopeReader::read(std::optional<Config> scaling, double theta,
                                  bool eighth) {
  Rule rule;
  double share = partial;
  std::string type = "default";
  if (scaling) {
    theta = scaling->number({"rope_theta"}).value_or(theta);
    share = scaling->number({"partial_rotary_factor"}).value_or(share);
    type = scaling->word({"rope_type", "type"}).value_or(type);
    // Text has one position an axis, so that sections change nothing.
    scaling->ignore({"mrope_section"});
  }
  if (!(theta > 1)) {
    config.fail({"rope_theta"}, "must be above 1");
    theta = 2;
  }
  if (!(share > 0 && share <= 1)) {
    config.fail({"partial_rotary_factor"}, "must be above 0 and at most 1");
    share = 1;
  }
  auto rotated = static_cast<int64_t>(static_cast<double>(dim) * share);
  if (rotated < 1 || rotated % 2) {
    config.fail({"partial_rotary_factor", "head_dim"},
                "lets " + std::to_string(rotated) + " of " +
                    std::to_string(dim) +
                    " elements of a head rotate; they rotate in pairs");
    rotated = 2;
  }
  Rope rope;
  rope.inverseFrequencies = language::inverseFrequencies(theta, rotated);
  if (type == "yarn" || type == "deepseek_yarn") {
    rope = yarn(*scaling, theta, rotated, rule.softmaxFactor);
  } else if (type == "llama3") {
    llama3(*scaling, rope.inverseFrequencies);
  } else if (type == "linear") {
    language::scaleLinear(rope.inverseFrequencies,
                          positive(*scaling, "factor", 1));
  } else if (type == "dynamic") {
    // As plain up to max_position_embeddings, beyond which none may go.
    scaling->ignore({"factor"});
    scaling->ignore({"alpha"});
    limit = limit ? std::min(limit, maxContext) : maxContext;
  } else if (type == "longrope") {
    longrope(*scaling, rope);
  } else if (type != "default" && type != "mrope") {
    scaling->fail({"rope_type", "type"},
                  "is '" + type +
                      "'; known are default, linear, dynamic, llama3, "
                      "longrope and yarn");
  }
  if (eighth)
    language::scaleLinear(rope.inverseFrequencies, kGlobalInterpolation);
  rule.rope = std::move(rope);
  return rule;
}
