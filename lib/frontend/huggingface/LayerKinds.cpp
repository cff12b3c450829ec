//===- LayerKinds.cpp - What kind of layer each layer is ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/LayerKinds.h"

#include "llvm/ADT/STLExtras.h"

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

/// Of transformers' classes with patterns, where the key is absent, not null.
static constexpr int64_t kDefaultPattern = 4;

namespace {
class KindsReader {
public:
  KindsReader(Config &config, const Family &family, int64_t layers,
              int64_t drafting, std::vector<std::string> &notes)
      : config(config), family(family), layers(layers), drafting(drafting),
        notes(notes), kinds(layers) {}
  std::vector<LayerKind> read();

private:
  /// Whether a list has an entry for each layer.
  bool fits(Spellings keys, size_t size);
  void windows();
  void windowsOfLists(std::optional<int64_t> window);
  /// From sliding_window_pattern; empty when it says nothing.
  std::vector<bool> pattern();
  void comparePattern(const std::vector<bool> &sliding);
  void sparse();
  void limits();

  Config &config;
  const Family &family;
  int64_t layers, drafting;
  std::vector<std::string> &notes;
  std::vector<LayerKind> kinds;
};
} // namespace

bool KindsReader::fits(Spellings keys, size_t size) {
  if (int64_t(size) == layers || int64_t(size) == layers + drafting)
    return true;
  config.fail(keys, "has " + std::to_string(size) + " entries for " +
                        std::to_string(layers) + " layers");
  return false;
}

/// "LLLG", 4 (every fourth layer sees everything) or null.
std::vector<bool> KindsReader::pattern() {
  std::vector<bool> sliding;
  const llvm::json::Value *value = config.value({"sliding_window_pattern"});
  const llvm::json::Value byDefault = kDefaultPattern;
  if (!value && !family.globalTheta &&
      !config.json().get("sliding_window_pattern") &&
      !config.has({"layer_types"}))
    value = &byDefault;
  if (!value)
    return sliding;
  if (std::optional<int64_t> period = value->getAsInteger()) {
    if (*period < 0)
      config.fail({"sliding_window_pattern"}, "is below 0");
    for (int64_t i = 0; *period > 0 && i < layers; ++i)
      sliding.push_back((i + 1) % *period != 0);
    return sliding;
  }
  std::optional<StringRef> word = value->getAsString();
  if (!word || word->empty() ||
      word->find_first_not_of("LG") != StringRef::npos) {
    config.fail({"sliding_window_pattern"},
                "is neither null, a number, nor a string of L and G");
    return sliding;
  }
  for (int64_t i = 0; i < layers; ++i)
    sliding.push_back((*word)[i % word->size()] == 'L');
  return sliding;
}

/// layer_types counts; a pattern beside it should say the same. Transformers
/// writes its default, 4, beside any layer_types, and says of its own patterns
/// that the last layer always sees everything.
void KindsReader::comparePattern(const std::vector<bool> &sliding) {
  std::vector<bool> wanted = pattern();
  if (wanted.empty())
    return;
  int64_t last = layers - 1;
  for (int64_t i = 0; i < layers; ++i)
    if (wanted[i] != sliding[i] && !(i == last && !sliding[i])) {
      if (config.value({"sliding_window_pattern"})->getAsInteger()) {
        notes.push_back("layer_types are followed, with which "
                        "sliding_window_pattern does not agree");
        return;
      }
      config.fail({"sliding_window_pattern"},
                  "does not agree with 'layer_types' at layer " +
                      std::to_string(i) + ": remove one of them");
      return;
    }
}

void KindsReader::windowsOfLists(std::optional<int64_t> window) {
  std::vector<bool> sliding;
  std::optional<std::vector<std::string>> types = config.words({"layer_types"});
  if (types && fits({"layer_types"}, types->size())) {
    for (int64_t i = 0; i < layers; ++i) {
      const std::string &type = (*types)[i];
      sliding.push_back(type == "sliding_attention");
      if (type != "sliding_attention" && type != "full_attention") {
        config.fail({"layer_types"}, "has the type '" + type + "', which " +
                                         family.name + " models do not have");
        return;
      }
    }
    if (family.windows == Windows::Layers)
      comparePattern(sliding);
  }
  std::optional<std::vector<double>> sizes;
  if (family.windows == Windows::Layers)
    sizes = config.numbers({"sliding_windows"});
  if (sizes && fits({"sliding_windows"}, sizes->size())) {
    for (int64_t i = 0; i < layers; ++i) {
      double size = (*sizes)[i];
      if (size < 0 || size > (1 << 24) || size != double(int64_t(size))) {
        config.fail({"sliding_windows"}, "has an entry that is no window");
        return;
      }
      kinds[i].window = int64_t(size);
      if (!sliding.empty() && sliding[i] != (size > 0)) {
        config.fail({"sliding_windows"},
                    "does not agree with 'layer_types' at layer " +
                        std::to_string(i) + ": remove one of them");
        return;
      }
    }
    config.ignore({"sliding_window_pattern"}); // sizes say more
    return;
  }
  if (sliding.empty() && family.windows == Windows::Layers && window)
    sliding = pattern();
  if (!window) {
    config.ignore({"sliding_window_pattern"}); // of no window
    if (llvm::is_contained(sliding, true))
      config.fail({"sliding_window"}, "is missing; 'layer_types' has layers "
                                      "with a window");
    return;
  }
  if (sliding.empty() && family.windows == Windows::Layers) {
    // Pattern null: no layer has a window.
    if (!config.has({"sliding_window_pattern"}) && family.globalTheta)
      config.fail({"layer_types"}, "is missing; which layers have the window "
                                   "of 'sliding_window'?");
    return;
  }
  for (int64_t i = 0; i < layers && i < int64_t(sliding.size()); ++i)
    if (sliding[i])
      kinds[i].window = *window;
}

void KindsReader::windows() {
  if (family.windows == Windows::Never) {
    // Lists that say nothing but that every layer sees everything are fine.
    std::optional<std::vector<std::string>> types =
        config.words({"layer_types"});
    for (const std::string &type : types.value_or(std::vector<std::string>()))
      if (type != "full_attention" &&
          !(family.latent && family.latent->indexer &&
            type == "indexed_attention")) {
        config.fail({"layer_types"}, "has the type '" + type + "', which " +
                                         family.name + " models do not have");
        return;
      }
    return;
  }
  bool given = config.json().get("sliding_window") != nullptr;
  std::optional<int64_t> window = config.integer({"sliding_window"});
  if (!given && family.defaultWindow)
    window = family.defaultWindow;
  if (family.windows == Windows::Layers)
    return windowsOfLists(window);
  if (family.windows == Windows::UseSlidingWindow) {
    bool use = config.flag({"use_sliding_window"}).value_or(false);
    int64_t first = config.integer({"max_window_layers"}, 0)
                        .value_or(family.experts ? 0 : 28);
    if (!use)
      window = std::nullopt;
    if (config.has({"layer_types"}))
      return windowsOfLists(window);
    for (int64_t i = 0; window && i < layers; ++i)
      if (family.experts || i >= first)
        kinds[i].window = *window;
    return;
  }
  config.ignore({"layer_types"});
  for (LayerKind &kind : kinds)
    kind.window = window.value_or(0);
}

/// Which layers have experts.
void KindsReader::sparse() {
  const ExpertTraits &traits = *family.experts;
  if (traits.sparseStep) {
    int64_t step = config.integer({"decoder_sparse_step"}).value_or(1);
    std::vector<double> dense =
        config.numbers({"mlp_only_layers"}).value_or(std::vector<double>());
    for (int64_t i = 0; i < layers; ++i)
      kinds[i].sparse =
          (i + 1) % step == 0 && !llvm::is_contained(dense, double(i));
    return;
  }
  int64_t first =
      config.integer({"first_k_dense_replace", "first_last_k_dense_replace"}, 0)
          .value_or(traits.defaultDense);
  int64_t every = config.integer({"moe_layer_freq"}).value_or(1);
  std::optional<std::vector<std::string>> types =
      config.words({"mlp_layer_types"});
  if (types && !fits({"mlp_layer_types"}, types->size()))
    types = std::nullopt;
  for (int64_t i = 0; i < layers; ++i) {
    kinds[i].sparse = i >= first && i % every == 0;
    if (!types)
      continue;
    const std::string &type = (*types)[i];
    kinds[i].sparse = type == "sparse";
    if (type != "sparse" && type != "dense") {
      config.fail({"mlp_layer_types"},
                  "has the type '" + type + "'; known are dense and sparse");
      return;
    }
  }
}

void KindsReader::limits() {
  std::optional<std::vector<double>> list = config.numbers({"swiglu_limits"});
  if (!list || !fits({"swiglu_limits"}, list->size()))
    return;
  for (int64_t i = 0; i < layers; ++i) {
    kinds[i].limit = (*list)[i];
    if (kinds[i].limit < 0) {
      config.fail({"swiglu_limits"}, "has an entry below 0");
      return;
    }
  }
}

std::vector<LayerKind> KindsReader::read() {
  windows();
  if (family.experts)
    sparse();
  if (family.swigluLimits)
    limits();
  return kinds;
}

std::vector<LayerKind>
huggingface::readLayerKinds(Config &config, const Family &family,
                            int64_t layers, int64_t drafting,
                            std::vector<std::string> &notes) {
  return KindsReader(config, family, layers, drafting, notes).read();
}
