//===- ConvShape.cpp - A convolution as the emitters see it ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/ConvShape.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "lib/codegen/Elemental.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

/// Padding in front of an axis.
static Expr frontPad(fm::SymbolicScope &s, fm::ConvOp op, const ConvAxis &axis,
                     unsigned i) {
  StringRef mode = op.getAutoPad();
  if (mode == "explicit")
    return s.cst(op.getPads()[i]);
  if (mode == "valid")
    return s.cst(0);
  // The windows reach past the input by `total`, in front by half of it.
  Expr steps = s.mul(s.sub(axis.out, s.cst(1)), s.cst(axis.stride));
  Expr reach = s.add(steps, s.cst((axis.kernel - 1) * axis.dilation + 1));
  Expr total = s.max(s.sub(reach, axis.in), s.cst(0));
  return mode == "same_upper" ? s.floorDiv(total, s.cst(2))
                              : s.ceilDiv(total, s.cst(2));
}

std::optional<ConvShape> ConvShape::of(fm::SymbolicScope &scope,
                                       Operation *op) {
  auto conv = dyn_cast_or_null<fm::ConvOp>(op);
  if (!conv || !isF32(conv.getInput()) || !isF32(conv.getFilter()))
    return std::nullopt;
  ConvShape c;
  c.input = conv.getInput(), c.filter = conv.getFilter();
  c.bias = conv.getBias(), c.result = conv.getResult();
  c.groups = conv.getGroups();
  ArrayRef<Expr> in = scope.dims(c.input), out = scope.dims(c.result);
  ArrayRef<Expr> filter = scope.dims(c.filter);
  c.spatial = in.size() - 2;
  if (c.spatial < 1 || c.spatial > 2)
    return std::nullopt;
  c.batch = out[0];
  c.channels = filter[1];
  c.filters = scope.floorDiv(filter[0], scope.cst(c.groups));
  c.h.in = c.h.out = scope.cst(1);
  c.h.pad = scope.cst(0);
  for (unsigned i = 0; i < c.spatial; ++i) {
    ConvAxis &axis = i + 1 == c.spatial ? c.w : c.h;
    auto kernel = fm::constantOf(filter[2 + i]);
    if (!kernel || *kernel < 1)
      return std::nullopt;
    axis.kernel = *kernel;
    axis.in = in[2 + i], axis.out = out[2 + i];
    axis.stride = conv.getStrides()[i];
    axis.dilation = conv.getDilations()[i];
    axis.pad = frontPad(scope, conv, axis, i);
  }
  return c;
}

bool ConvShape::isDepthwise() const {
  return groups > 1 && fm::constantOf(channels) == 1;
}

bool ConvShape::isPointwise() const {
  auto plain = [](const ConvAxis &axis) {
    return axis.kernel == 1 && axis.stride == 1 &&
           fm::constantOf(axis.pad) == 0 && axis.in == axis.out;
  };
  return plain(h) && plain(w);
}

Indices ConvShape::inputAt(KernelContext &k, Value n, Value c, Value y,
                           Value x) const {
  Indices indices{n, c};
  if (spatial == 2)
    indices.push_back(y);
  indices.push_back(x);
  return indices;
}

bool cpu::isSpatiallyFlat(rt::KernelOp kernel, fm::SymbolicScope &scope,
                          Value anchor) {
  fm::Exprs whole(scope.dims(anchor).drop_front(2));
  llvm::SetVector<Value> values;
  for (Value value : kernel.yield()->getOperands())
    values.insert(value);
  for (unsigned i = 0; i < values.size(); ++i) {
    Value value = values[i];
    ArrayRef<Expr> dims = scope.dims(value);
    ArrayRef<Expr> inner = dims.take_back(whole.size());
    bool isOne =
        llvm::all_of(inner, [](Expr e) { return fm::constantOf(e) == 1; });
    if (inner != ArrayRef<Expr>(whole) && !isOne)
      return false;
    Operation *op = value.getDefiningOp();
    if (value == anchor || !op || isa<fm::ConstantOp>(op))
      continue;
    if (!codegen::isElementwise(op))
      return false;
    values.insert(op->operand_begin(), op->operand_end());
  }
  return true;
}
