//===- Moves.cpp - Copies between spaces ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/hbm/HbmDialect.h"

using namespace mlir;
using namespace narae::hbm;

/// The space that a buffer names; null for the built-in ones and for weights
/// and states, which lie in the space that is over none.
static SpaceOp spaceOf(BufferOp buffer) {
  if (!buffer)
    return {};
  return SymbolTable::lookupNearestSymbolFrom<SpaceOp>(buffer,
                                                       buffer.getSpaceAttr());
}

static LogicalResult verifyAlive(Operation *op, BufferOp buffer, int64_t first,
                                 int64_t last) {
  if (!buffer || (int64_t(buffer.getFirst()) <= first &&
                  last <= int64_t(buffer.getLast())))
    return success();
  return op->emitOpError("during [")
         << first << ", " << last << ") '" << buffer.getName()
         << "' lives only during [" << buffer.getFirst() << ", "
         << buffer.getLast() << ")";
}

/// \param upwards from the space below, as for prefetch and reload.
template <typename OpTy>
static LogicalResult verifyMove(OpTy op, bool upwards) {
  if (op.getFirst() > op.getLast())
    return op.emitOpError("ends before it begins: [")
           << op.getFirst() << ", " << op.getLast() << ")";
  auto from = op.getFrom().template getDefiningOp<BufferOp>();
  auto to = op.getTo().template getDefiningOp<BufferOp>();
  if (from && to && from.getTensor() != to.getTensor())
    return op.emitOpError("from ")
           << from.getTensor() << " to " << to.getTensor();
  if (failed(verifyAlive(op, from, op.getFirst(), op.getLast())) ||
      failed(verifyAlive(op, to, op.getFirst(), op.getLast())))
    return failure();
  SpaceOp near = spaceOf(upwards ? to : from);
  SpaceOp far = spaceOf(upwards ? from : to);
  if (!near || !near.getOver())
    return op.emitOpError("needs a buffer of a space over another to copy ")
           << (upwards ? "to" : "from");
  if (far && far.getSymName() != *near.getOver())
    return op.emitOpError("space '")
           << near.getSymName() << "' is not over '" << far.getSymName() << "'";
  if (op.getChannel() >= near.getChannels())
    return op.emitOpError("channel ")
           << op.getChannel() << " of " << near.getChannels() << " of '"
           << near.getSymName() << "'";
  return success();
}

LogicalResult PrefetchOp::verify() { return verifyMove(*this, true); }
LogicalResult ReloadOp::verify() { return verifyMove(*this, true); }
LogicalResult SpillOp::verify() { return verifyMove(*this, false); }
