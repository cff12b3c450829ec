//===- Targets.cpp - The GPUs that code is made for ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/compiler/Targets.h"

#include "backends/targets/TargetFiles.h"

#include "llvm/Support/JSON.h"

using namespace narae;
using namespace narae::nvidia;
using llvm::StringRef;

namespace {
/// What PTX is written for. A chip runs the code of its own generation's
/// entry, else of the newest portable one that is not newer.
struct Generation {
  StringRef sm;
  int number;
  StringRef features;
};
} // namespace

/// The lowest PTX versions with all that the code generator uses: CUDA 11.4
/// and 12.0.
static const Generation generations[] = {{"sm_80", 80, "+ptx74"},
                                         {"sm_90a", 90, "+ptx80"}};

/// The entry for a chip's "sm": "sm_90a" is its own, "sm_100" runs sm_80's.
static const Generation *generationOf(StringRef sm) {
  for (const Generation &generation : generations)
    if (generation.sm == sm)
      return &generation;
  int number = 0;
  if (!sm.consume_front("sm_") || sm.consume_back("a") ||
      sm.getAsInteger(10, number))
    return nullptr;
  return number >= generations[0].number ? &generations[0] : nullptr;
}

std::vector<std::string> nvidia::chipNames() {
  std::vector<std::string> names;
  for (const Generation &generation : generations)
    names.push_back(generation.sm.str());
  for (StringRef name : targets::names())
    if (name.consume_front("nvidia:"))
      names.push_back(name.str());
  return names;
}

/// The description of a generation: no chip, so no sizes.
static std::string describe(StringRef name, StringRef sm) {
  llvm::json::Object object{{"name", name}, {"backend", "nvidia"}, {"sm", sm}};
  return llvm::formatv("{0:2}", llvm::json::Value(std::move(object)));
}

std::optional<NvidiaTarget> nvidia::parseTarget(StringRef name,
                                                std::string &error) {
  NvidiaTarget target;
  target.name = name == "nvidia" ? "nvidia:sm_80" : name.str();
  StringRef chip = StringRef(target.name).split(':').second;
  if (const Generation *generation =
          chip.starts_with("sm_") ? generationOf(chip) : nullptr) {
    if (chip != generation->sm) {
      error = "there is no code generator for '" + target.name +
              "' of its own; use nvidia:" + generation->sm.str() +
              ", whose code runs on it";
      return std::nullopt;
    }
    target.sm = generation->sm.str();
    target.features = generation->features.str();
    target.json = describe(target.name, target.sm);
    return target;
  }
  std::string json, ignored;
  bool known = false;
  for (const std::string &own : targets::names())
    known |= own == target.name;
  if (!known || !targets::read(target.name, json, ignored)) {
    error = "unknown target '" + target.name + "'; known are";
    StringRef separator = " ";
    for (const std::string &own : chipNames()) {
      error += (separator + "nvidia:" + own).str();
      separator = ", ";
    }
    return std::nullopt;
  }
  auto parsed = llvm::json::parse(json);
  llvm::json::Object *object = parsed ? parsed->getAsObject() : nullptr;
  if (!parsed)
    llvm::consumeError(parsed.takeError());
  auto sm = object ? object->getString("sm") : std::nullopt;
  const Generation *generation = sm ? generationOf(*sm) : nullptr;
  if (!generation) {
    error =
        "target '" + target.name + "' has no field \"sm\" of sm_80 or later";
    return std::nullopt;
  }
  target.sm = generation->sm.str();
  target.features = generation->features.str();
  // The driver asks what the code is for, which may be older than the chip.
  (*object)["sm"] = target.sm;
  target.json = llvm::formatv("{0:2}", *parsed);
  return target;
}
