//===- Quantization.cpp - What quantization_config says -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Quantization.h"

#include "llvm/ADT/STLExtras.h"

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

static const char *const kWayOut =
    "; compile the unquantised release (--quantize packs it), or a GGUF of it";

/// Rows and columns of a block of scales.
static bool readBlock(Config &part, llvm::StringRef key, StorageRules &rules) {
  std::optional<std::vector<double>> block = part.numbers({key});
  if (!block) // one scale a matrix
    return true;
  bool sound = block->size() == 2;
  for (size_t i = 0; sound && i < 2; ++i)
    sound = (*block)[i] >= 1 && (*block)[i] <= 65536 &&
            (*block)[i] == double(int64_t((*block)[i]));
  if (!sound) {
    part.fail({key}, "is not two whole numbers");
    return false;
  }
  rules.scaleRows = int64_t((*block)[0]);
  rules.scaleColumns = int64_t((*block)[1]);
  return true;
}

/// compressed-tensors: groups of layers, all of the same kind here.
static void readCompressed(Config &part, StorageRules &rules) {
  for (StringRef key :
       {"format", "global_compression_ratio", "quantization_status", "version",
        "kv_cache_scheme", "sparsity_config"})
    part.ignore({key});
  rules.notConverted =
      part.words({"ignore"}).value_or(std::vector<std::string>());
  std::optional<Config> groups = part.part({"config_groups"});
  if (!groups || groups->json().empty()) {
    part.fail({"config_groups"}, "is missing");
    return;
  }
  bool first = true;
  for (const auto &entry : groups->json()) {
    std::optional<Config> group = groups->part({entry.first});
    std::optional<Config> weights =
        group ? group->part({"weights"}) : std::nullopt;
    if (!weights) {
      groups->fail({entry.first}, "does not say what weights are");
      return;
    }
    for (StringRef key :
         {"targets", "input_activations", "output_activations", "format"})
      group->ignore({key});
    for (StringRef key :
         {"actorder", "observer", "observer_kwargs", "symmetric", "dynamic",
          "group_size", "scale_dtype", "zp_dtype"})
      weights->ignore({key});
    std::string type = weights->word({"type"}).value_or("int");
    int64_t bits = weights->integer({"num_bits"}).value_or(8);
    if (type != "float" || bits != 8) {
      weights->fail({"num_bits", "type"},
                    "says weights of " + std::to_string(bits) + " bits ('" +
                        type + "'); known are 8 bits ('float')" + kWayOut);
      return;
    }
    StorageRules own;
    own.scaleRows = own.scaleColumns = 0;
    std::string strategy = weights->word({"strategy"}).value_or("tensor");
    if (strategy == "channel")
      own.scaleRows = 1;
    bool sound = readBlock(*weights, "block_structure", own);
    if (strategy != "tensor" && strategy != "channel" && strategy != "block") {
      weights->fail({"strategy"}, "is '" + strategy +
                                      "'; known are tensor, channel and "
                                      "block" +
                                      kWayOut);
      return;
    }
    if (!sound)
      return;
    if (!first && (own.scaleRows != rules.scaleRows ||
                   own.scaleColumns != rules.scaleColumns)) {
      groups->fail({entry.first},
                   std::string("has other scales than the first group") +
                       kWayOut);
      return;
    }
    rules.scaleRows = own.scaleRows;
    rules.scaleColumns = own.scaleColumns;
    first = false;
  }
}

void huggingface::readQuantization(Config &config, StorageRules &rules,
                                   std::vector<std::string> &notes) {
  std::optional<Config> part = config.part({"quantization_config"});
  if (!part)
    part = config.part({"compression_config"});
  if (!part)
    return;
  rules.fp8 = true;
  rules.scaleRows = rules.scaleColumns = 0;
  std::string method = part->word({"quant_method"}).value_or("");
  if (method == "compressed-tensors") {
    readCompressed(*part, rules);
  } else if (method == "fp8" || method == "fbgemm_fp8") {
    for (StringRef key :
         {"activation_scheme", "scale_fmt", "ignored_layers",
          "activation_scale_ub", "kv_cache_scheme", "kv_cache_quant_method"})
      part->ignore({key});
    if (method == "fbgemm_fp8")
      rules.scaleRows = 1;
    if (std::string format = part->word({"fmt"}).value_or("e4m3");
        format != "e4m3" && format != "float8_e4m3fn")
      part->fail({"fmt"},
                 "is '" + format + "'; known is e4m3" + std::string(kWayOut));
    readBlock(*part, "weight_block_size", rules);
    rules.notConverted = part->words({"modules_to_not_convert"})
                             .value_or(std::vector<std::string>());
  } else {
    for (const auto &entry : part->json())
      part->ignore({entry.first}); // one problem says it
    part->fail({"quant_method"},
               "is '" + method +
                   "'; known are fp8, fbgemm_fp8 and compressed-tensors with "
                   "8-bit floats" +
                   kWayOut);
    return;
  }
  notes.push_back("weights are fp8, multiplied with activations in f32: what "
                  "the release says of rounding activations is not followed");
}

bool huggingface::isScaleOfActivations(StringRef tensor) {
  for (const char *end :
       {".input_scale", ".output_scale", ".k_scale", ".v_scale", ".q_scale",
        ".attn.k_scale", ".input_scale_ub"})
    if (tensor.ends_with(end))
      return true;
  return false;
}
