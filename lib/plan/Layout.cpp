//===- Layout.cpp - Which device holds what -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Layout.h"

#include <algorithm>
#include <cmath>

using namespace narae::plan;

bool narae::plan::parseParallel(const std::string &text, Parallel &result,
                                std::string &error) {
  result = {};
  size_t begin = 0;
  while (begin <= text.size()) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string item = text.substr(begin, end - begin);
    size_t equals = item.find('=');
    std::string name = item.substr(0, equals);
    std::string digits =
        equals == std::string::npos ? "" : item.substr(equals + 1);
    bool isNumber = !digits.empty() && digits.size() <= 6 &&
                    digits.find_first_not_of("0123456789") == std::string::npos;
    int64_t value = isNumber ? std::stoll(digits) : 0;
    int64_t *target = name == "tp"   ? &result.tensor
                      : name == "ep" ? &result.expert
                      : name == "pp" ? &result.pipeline
                                     : nullptr;
    if (!target || value < 1) {
      error =
          "'" + item + "' is none of tp=N, ep=N and pp=N with N of 1 or more";
      return false;
    }
    *target = value;
    begin = end + 1;
  }
  return true;
}

std::string narae::plan::toString(const Parallel &parallel) {
  return "tp=" + std::to_string(parallel.tensor) +
         ", ep=" + std::to_string(parallel.expert) +
         ", pp=" + std::to_string(parallel.pipeline);
}

/// "1, 2, 4 and 8": the divisors of n.
static std::string divisors(int64_t n) {
  std::vector<std::string> all;
  for (int64_t d = 1; d <= n; ++d)
    if (n % d == 0)
      all.push_back(std::to_string(d));
  std::string text;
  for (size_t i = 0; i < all.size(); ++i)
    text += (i == 0 ? "" : i + 1 == all.size() ? " and " : ", ") + all[i];
  return text;
}

std::string narae::plan::possibleWays(const Inventory &inventory) {
  return "tp of " + divisors(std::max<int64_t>(inventory.heads, 1)) +
         " and pp up to " + std::to_string(inventory.layers);
}

std::string narae::plan::checkParallel(const Inventory &inventory,
                                       const Parallel &parallel) {
  auto number = [](int64_t n) { return std::to_string(n); };
  std::string problems;
  auto add = [&](const std::string &problem) {
    problems += (problems.empty() ? "" : "; ") + problem;
  };
  if (inventory.heads > 0 && inventory.heads % parallel.tensor != 0)
    add(number(inventory.heads) +
        " heads cannot be divided among tp=" + number(parallel.tensor) +
        ": tp of " + divisors(inventory.heads) + " works");
  if (parallel.tensor % parallel.expert != 0)
    add("ep=" + number(parallel.expert) +
        " does not divide tp=" + number(parallel.tensor) + ": ep of " +
        divisors(parallel.tensor) + " does");
  else if (parallel.expert > 1 && inventory.experts == 0)
    add("ep=" + number(parallel.expert) +
        ", but the model has no experts: ep=1 works");
  else if (parallel.expert > 1 && inventory.experts % parallel.expert != 0)
    add(number(inventory.experts) +
        " experts cannot be divided among ep=" + number(parallel.expert) +
        ": ep of " + divisors(inventory.experts) + " works");
  if (parallel.pipeline > inventory.layers)
    add(number(inventory.layers) +
        " layers cannot be divided among pp=" + number(parallel.pipeline) +
        ": pp of at most " + number(inventory.layers) + " works");
  return problems;
}

/// Which stage a matrix outside of the layers belongs to: the embedding comes
/// first, the rest last.
static bool isFirst(size_t matrix) { return matrix == 0; }

std::vector<Stage> narae::plan::divideLayers(const Inventory &inventory,
                                             const std::string &precision,
                                             int64_t stages) {
  std::vector<double> bytes(inventory.layers, 0);
  for (size_t i = 0; i < inventory.matrices.size(); ++i) {
    const Matrix &matrix = inventory.matrices[i];
    int64_t layer = matrix.layer >= 0 ? matrix.layer
                    : isFirst(i)      ? 0
                                      : inventory.layers - 1;
    bytes[layer] += matrix.count * matrixBytes(matrix, precision);
  }
  // The least limit for which filling each stage to it needs few enough.
  auto fill = [&](double limit) {
    std::vector<Stage> result = {{0, 0}};
    double sum = 0;
    for (int64_t layer = 0; layer < inventory.layers; ++layer) {
      int64_t left = inventory.layers - layer;
      int64_t open = stages - static_cast<int64_t>(result.size());
      bool isEmpty = result.back().first == layer;
      if (!isEmpty && (sum + bytes[layer] > limit || left <= open)) {
        result.push_back({layer, layer});
        sum = 0;
      }
      sum += bytes[layer];
      result.back().last = layer + 1;
    }
    return result;
  };
  double low = 0, high = 0;
  for (double b : bytes) {
    low = std::max(low, b);
    high += b;
  }
  for (int i = 0; i < 60 && low < high; ++i) {
    double middle = (low + high) / 2;
    if (static_cast<int64_t>(fill(middle).size()) <= stages)
      high = middle;
    else
      low = middle;
  }
  return fill(high);
}

bool narae::plan::holds(const Inventory &inventory,
                        const std::vector<Stage> &stages, size_t stage,
                        size_t matrix) {
  int64_t layer = inventory.matrices[matrix].layer;
  if (layer >= 0)
    return stages[stage].first <= layer && layer < stages[stage].last;
  // A tied table serves the last stage too.
  bool isTied = isFirst(matrix) && inventory.matrices[matrix].active > 0;
  if (isFirst(matrix) && stage == 0)
    return true;
  return stage + 1 == stages.size() && (!isFirst(matrix) || isTied);
}

/// The largest part when `n` things are dealt out to `ways`.
static double largestShare(int64_t n, int64_t ways) {
  if (n <= 0 || ways <= 1)
    return 1;
  return std::ceil(double(n) / ways) / n;
}

double narae::plan::poolShare(const Inventory &inventory, const Matrix &matrix,
                              const Parallel &parallel, int64_t pools) {
  switch (matrix.split) {
  case Split::Heads:
    return largestShare(inventory.heads, parallel.tensor) / pools;
  case Split::KeyHeads:
    return largestShare(inventory.keyHeads, parallel.tensor) / pools;
  case Split::Width:
  case Split::Experts:
  case Split::Vocabulary:
    return 1.0 / (parallel.tensor * pools);
  case Split::Copied:
    return 1.0 / pools;
  }
  return 1;
}

double narae::plan::poolShare(const LayerCache &cache, const Parallel &parallel,
                              int64_t pools) {
  // A latent belongs to all heads: every device has it.
  double device =
      cache.isLatent ? 1 : largestShare(cache.heads, parallel.tensor);
  // Whole heads to a pool where there are enough, else parts of the tokens.
  int64_t heads = std::max<int64_t>(1, std::llround(device * cache.heads));
  if (cache.isLatent || heads < pools)
    return device / pools;
  return device * largestShare(heads, pools);
}
