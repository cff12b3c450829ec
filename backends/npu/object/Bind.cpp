//===- Bind.cpp - The numbers of a launch ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/object/Object.h"

#include <algorithm>

using namespace narae;
using namespace narae::npu;

static int64_t floorDiv(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return int64_t(0 - uint64_t(a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t evaluate(const Number &n, const std::vector<int64_t> &values) {
  int64_t a = values[n.a], b = values[n.b];
  switch (n.kind) {
  case NumberKind::Add:
    return int64_t(uint64_t(a) + uint64_t(b));
  case NumberKind::Sub:
    return int64_t(uint64_t(a) - uint64_t(b));
  case NumberKind::Mul:
    return int64_t(uint64_t(a) * uint64_t(b));
  case NumberKind::FloorDiv:
    return floorDiv(a, b);
  case NumberKind::CeilDiv:
    return int64_t(0 - uint64_t(floorDiv(int64_t(0 - uint64_t(a)), b)));
  case NumberKind::Mod:
    return b == 0 ? 0 : int64_t(uint64_t(a) - uint64_t(b) * floorDiv(a, b));
  case NumberKind::Min:
    return std::min(a, b);
  case NumberKind::Max:
    return std::max(a, b);
  case NumberKind::Equal:
    return a == b;
  case NumberKind::Less:
    return a < b;
  case NumberKind::Select:
    return a ? b : values[n.c];
  default:
    return n.value;
  }
}

Status narae::npu::bindLaunch(const Kernel &kernel, const uint64_t *buffers,
                              size_t bufferCount, const int64_t *params,
                              size_t paramCount, std::vector<int64_t> &values,
                              std::vector<int64_t> &result) {
  if (bufferCount != size_t(kernel.buffers) + 2 || paramCount != kernel.params)
    return Status::error("kernel '" + kernel.name + "' takes " +
                         std::to_string(kernel.buffers) + " buffers and " +
                         std::to_string(kernel.params) + " integers, not " +
                         std::to_string(bufferCount < 2 ? 0 : bufferCount - 2) +
                         " and " + std::to_string(paramCount));
  values.resize(kernel.numbers.size());
  for (size_t i = 0; i < kernel.numbers.size(); ++i) {
    const Number &n = kernel.numbers[i];
    switch (n.kind) {
    case NumberKind::Constant:
      values[i] = n.value;
      break;
    case NumberKind::Param:
      values[i] = params[n.a];
      break;
    case NumberKind::Pool:
      values[i] = poolOf(buffers[n.a]);
      break;
    case NumberKind::Offset:
      values[i] = int64_t(offsetOf(buffers[n.a]));
      break;
    default:
      values[i] = evaluate(n, values);
    }
  }
  for (const Requirement &requirement : kernel.requirements)
    if (!values[requirement.number])
      return Status::error(requirement.message);
  result.resize(kernel.bindings.size());
  for (size_t i = 0; i < kernel.bindings.size(); ++i)
    result[i] = values[kernel.bindings[i]];
  return Status::success();
}
