//===- AddSpaces.cpp - Memories of a target file as IR --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Passes.h"
#include "lib/plan/Hardware.h"

#include <cmath>

using namespace mlir;
using namespace narae;

LogicalResult memory::addSpaces(ModuleOp module, const std::string &json,
                                StringRef name) {
  std::vector<std::string> problems;
  plan::Hardware hardware = plan::readHardware(json, problems);
  for (const std::string &problem : problems)
    module.emitError("target '") << name << "': " << problem;
  if (!problems.empty())
    return failure();
  const plan::NearMemory &near = hardware.near;
  if (near.name.empty())
    return success();
  const plan::DeviceMemory &home = hardware.memory;
  if (near.name == home.name)
    return module.emitError("target '")
           << name << "': 'near.name' is that of 'memory'";
  SymbolTable symbols(module);
  for (const std::string &space : {home.name, near.name})
    if (symbols.lookup(space))
      return module.emitError("target '")
             << name << "' has a space '" << space
             << "', which is another symbol of the module";
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto whole = [&](const plan::Figure &figure, double scale = 1) {
    return std::llround(figure.value * scale);
  };
  b.create<hbm::SpaceOp>(module.getLoc(), home.name, home.kind,
                         whole(home.capacity), FlatSymbolRefAttr(),
                         whole(home.reserve), home.granule, 1, 0, 0, 0);
  b.create<hbm::SpaceOp>(
      module.getLoc(), near.name, near.kind, whole(near.capacity),
      FlatSymbolRefAttr::get(b.getContext(), home.name), whole(near.reserve),
      near.granule, near.channels, whole(near.fill), whole(near.drain),
      whole(near.startup, 1e9));
  return success();
}
