//===- DescribeGraph.h - An ONNX file as a plan sees it ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_DESCRIBEGRAPH_H
#define NARAE_LIB_DRIVER_DESCRIBEGRAPH_H

#include "lib/driver/Compiler.h"
#include "lib/plan/Graph.h"

#include <optional>

namespace narae::driver {

/// Imports an ONNX file and recognises its operators, with every dimension
/// fixed: those of `dims` (bounds at their maximum), and the first dimension of
/// each input that has no size at `batch`. Weights in files of their own are
/// not read. None after errors.
std::optional<plan::GraphModel>
describeGraph(const std::string &path,
              const std::map<std::string, DimBounds> &dims, int64_t batch,
              std::vector<Diagnostic> &diagnostics);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_DESCRIBEGRAPH_H
