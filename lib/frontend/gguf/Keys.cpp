//===- Keys.cpp - Reads a model's hyperparameters -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/Keys.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

namespace narae::gguf {

using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t largest = 1 << 30;

/// Keys that change nothing that is computed.
static constexpr llvm::StringLiteral harmless[] = {
    "attention.layer_norm_epsilon",         // beside the one of RMS norms
    "rope.scaling.finetuned",               // a note on training
    "tensor_data_layout",                   // where the file came from
    "rope.scaling.original_context_length", // read where a rule needs it
    "context_length",
    "vocab_size",
};

/// The values with which keys that are not read change nothing.
static const struct {
  llvm::StringLiteral key;
  double values[2];
} neutral[] = {
    {"attention.causal", {1, 1}},
    {"attention.clamp_kqv", {0, 0}},
    {"attention.max_alibi_bias", {0, 0}},
    {"attention.scale", {0, 0}},
    {"attention.sliding_window", {0, 0}},
    {"attention.temperature_scale", {0, 0}},
    {"attn_logit_softcapping", {0, 0}},
    {"embedding_scale", {0, 1}},
    {"expert_count", {0, 0}},
    {"expert_group_count", {0, 1}},
    {"expert_group_used_count", {0, 1}},
    {"expert_shared_count", {0, 0}},
    {"expert_used_count", {0, 0}},
    {"expert_weights_norm", {0, 0}},
    {"expert_weights_scale", {0, 1}},
    {"final_logit_softcapping", {0, 0}},
    {"interleave_moe_layer_step", {0, 1}},
    {"leading_dense_block_count", {0, 0}},
    {"logit_scale", {0, 1}},
    {"n_deepstack_layers", {0, 0}},
    {"nextn_predict_layers", {0, 0}},
    {"num_loops", {0, 1}},
    {"pooling_type", {0, 0}},
    {"residual_scale", {0, 1}},
    {"rope.scaling.alpha", {0, 1}},
    {"router_logit_softcapping", {0, 0}},
    {"swiglu_clamp_exp", {0, 0}},
    {"swiglu_clamp_shexp", {0, 0}},
    {"use_parallel_residual", {0, 0}},
};

const Value *Keys::find(StringRef key) {
  read.insert(key);
  auto it = file.metadata.find(name(key));
  return it == file.metadata.end() ? nullptr : &it->second;
}

void Keys::skip(StringRef start) {
  for (const auto &entry : file.metadata) {
    StringRef key = entry.getKey();
    if (key.consume_front(prefix + ".") && key.starts_with(start))
      read.insert(key);
  }
}

void Keys::problem(StringRef key, const Twine &message) {
  std::string text = message.str();
  if (said.insert(key.str() + text).second) // layers repeat themselves
    problems.push_back({name(key), std::move(text)});
}

std::optional<int64_t> Keys::sizeOf(const Value &value, uint64_t at,
                                    StringRef key, int64_t least) {
  std::optional<int64_t> size = value.integer(at);
  if (size && *size >= least && *size <= largest)
    return size;
  problem(key, "is " + value.show() + "; a whole number from " + Twine(least) +
                   " to " + Twine(largest) + " is expected");
  return std::nullopt;
}

int64_t Keys::size(StringRef key, std::optional<int64_t> byDefault,
                   int64_t least) {
  return layerSize(key, 0, 1, byDefault, least);
}

int64_t Keys::layerSize(StringRef key, int64_t layer, int64_t layers,
                        std::optional<int64_t> byDefault, int64_t least) {
  const Value *value = find(key);
  if (value && value->isArray &&
      value->count != static_cast<uint64_t>(layers)) {
    problem(key, "is " + value->show() + "; one number, or one for each of " +
                     Twine(layers) + " layers, is expected");
    return byDefault.value_or(least);
  }
  if (value)
    return sizeOf(*value, value->isArray ? layer : 0, key, least)
        .value_or(byDefault.value_or(least));
  if (!byDefault)
    problem(key, "is missing: the file does not describe a model of this "
                 "architecture");
  return byDefault.value_or(least);
}

double Keys::number(StringRef key, std::optional<double> byDefault,
                    bool positive) {
  if (const Value *value = find(key)) {
    std::optional<double> number = value->number();
    if (number && !value->isArray && std::isfinite(*number) &&
        (!positive || *number > 0))
      return *number;
    problem(key, "is " + value->show() + "; a " +
                     (positive ? "number above 0" : "finite number") +
                     " is expected");
  } else if (!byDefault) {
    problem(key, "is missing: the file does not describe a model of this "
                 "architecture");
  }
  return byDefault.value_or(1);
}

double Keys::layerNumber(StringRef key, int64_t layer, int64_t layers,
                         double byDefault) {
  const Value *value = find(key);
  if (!value)
    return byDefault;
  bool fits = !value->isArray || value->count >= static_cast<uint64_t>(layers);
  std::optional<double> number =
      fits ? value->number(value->isArray ? layer : 0) : std::nullopt;
  if (number && std::isfinite(*number))
    return *number;
  problem(key, "is " + value->show() + "; a number, or one for each of " +
                   Twine(layers) + " layers, is expected");
  return byDefault;
}

bool Keys::flag(StringRef key, bool byDefault) {
  const Value *value = find(key);
  if (!value)
    return byDefault;
  if (std::optional<bool> flag = value->boolean(); flag && !value->isArray)
    return *flag;
  problem(key, "is " + value->show() + "; true or false is expected");
  return byDefault;
}

std::string Keys::word(StringRef key, StringRef byDefault) {
  const Value *value = find(key);
  if (!value)
    return byDefault.str();
  if (std::optional<StringRef> word = value->string(); word && !value->isArray)
    return word->str();
  problem(key, "is " + value->show() + "; a string is expected");
  return byDefault.str();
}

/// Whether a value that nobody read changes nothing.
static bool isNeutral(StringRef key, const Value &value) {
  for (const auto &entry : neutral) {
    if (key != entry.key)
      continue;
    for (uint64_t i = 0; i < value.count; ++i) {
      std::optional<double> number = value.number(i);
      if (std::optional<bool> flag = value.boolean(i))
        number = *flag;
      if (!number || (*number != entry.values[0] && *number != entry.values[1]))
        return false;
    }
    return true;
  }
  return false;
}

/// Windows as long as the longest context hide nothing.
static bool isWholeWindow(const Value &window, const Value *context) {
  std::optional<int64_t> longest =
      context ? context->integer() : std::optional<int64_t>();
  for (uint64_t i = 0; i < window.count; ++i)
    if (!longest || window.integer(i).value_or(0) < *longest)
      return false;
  return true;
}

void Keys::checkAllRead(llvm::function_ref<bool(StringRef)> ignored) {
  for (StringRef full : file.keys) {
    StringRef key = full;
    if (!key.consume_front(prefix + ".") || read.contains(key) ||
        llvm::is_contained(harmless, key) ||
        isNeutral(key, file.metadata.find(full)->second) || ignored(full))
      continue;
    if (key == "attention.sliding_window" &&
        isWholeWindow(file.metadata.find(full)->second, find("context_length")))
      continue;
    problem(key, "is " + file.metadata.find(full)->second.show() +
                     ", which nothing reads: the model may compute something "
                     "else. If it is known to be harmless, --ignore=" +
                     full + " compiles anyway");
  }
}

} // namespace narae::gguf
