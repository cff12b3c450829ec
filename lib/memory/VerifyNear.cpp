//===- VerifyNear.cpp - Whether values are where they are used ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Follows a function command by command. Memories that copies connect hold the
// values of one tensor, of which only the last is any good: a command or a copy
// that finds another one, or none, is wrong. Nothing here knows how a plan came
// about.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Commands.h"
#include "lib/memory/Passes.h"

#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace narae;
using namespace narae::memory;

static hbm::SpaceOp spaceOf(hbm::BufferOp buffer, SymbolTable &symbols) {
  return buffer ? symbols.lookup<hbm::SpaceOp>(buffer.getSpace())
                : hbm::SpaceOp();
}

namespace {

/// A copy between two spaces.
struct Move {
  Operation *op = nullptr;
  Value from, to;
  int64_t first = 0, last = 0;
  bool isOut = false;
};

class NearVerifier {
public:
  NearVerifier(func::FuncOp func, SymbolTable &symbols)
      : func(func), symbols(symbols) {}
  LogicalResult run();

private:
  LogicalResult verifyPlaces();
  LogicalResult command(Operation *op);
  LogicalResult move(Move move);
  LogicalResult verifyEnd();
  LogicalResult alive(Operation *op, Value buffer);
  std::string nameOf(Value buffer);
  /// Whether the memory holds the last value of its tensor.
  LogicalResult current(Operation *op, Value buffer, StringRef does);
  void write(Value buffer);

  func::FuncOp func;
  SymbolTable &symbols;
  int64_t next = 1; ///< the number of the next command
  llvm::EquivalenceClasses<const void *> tensors;
  /// Versions that memories hold; those of weights and the caller's begin at 0.
  DenseMap<const void *, int64_t> held;
  DenseMap<const void *, int64_t> last; ///< by leader of a class
  int64_t versions = 0;
  SmallVector<Move> underWay;
  bool hasFilled = false; ///< a copy came in since the last command
};

} // namespace

static Move moveOf(Operation *op) {
  Move move;
  auto take = [&](auto copy, bool isOut) {
    if (copy)
      move = {copy,
              copy.getFrom(),
              copy.getTo(),
              int64_t(copy.getFirst()),
              int64_t(copy.getLast()),
              isOut};
  };
  take(dyn_cast<hbm::PrefetchOp>(op), false);
  take(dyn_cast<hbm::ReloadOp>(op), false);
  take(dyn_cast<hbm::SpillOp>(op), true);
  return move;
}

std::string NearVerifier::nameOf(Value buffer) {
  Operation *root = rootOf(buffer);
  if (auto op = dyn_cast<hbm::BufferOp>(root))
    return "'" + op.getName().str() + "' in '" + op.getSpace().str() + "'";
  if (auto op = dyn_cast<rt::WeightOp>(root))
    return "weight '" + op.getData().str() + "'";
  if (auto op = dyn_cast<rt::StateOp>(root))
    return "state '" + op.getData().str() + "'";
  if (auto op = dyn_cast<rt::ArgOp>(root))
    return "input '" + op.getName().str() + "'";
  return "a buffer";
}

LogicalResult NearVerifier::verifyPlaces() {
  bool ok = true;
  std::map<StringRef, std::vector<hbm::BufferOp>> bySpace;
  func.walk([&](hbm::BufferOp op) {
    hbm::SpaceOp space = spaceOf(op, symbols);
    if (!space || !space.getOver())
      return;
    auto type = cast<RankedTensorType>(op.getTensor());
    if (!op.getOffset() || !type.hasStaticShape()) {
      op.emitOpError("has no place in '") << space.getSymName() << "'";
      ok = false;
      return;
    }
    int64_t offset = *op.getOffset(), bytes = fm::storageBytes(type);
    int64_t usable = int64_t(space.getCapacity() - space.getReserve());
    if (offset % int64_t(space.getGranule()) || bytes > usable ||
        offset > usable - bytes) {
      op.emitOpError("at ")
          << offset << " with " << bytes << " bytes is no place in '"
          << space.getSymName() << "' of " << usable << " bytes in granules of "
          << space.getGranule();
      ok = false;
    }
    bySpace[op.getSpace()].push_back(op);
  });
  for (auto &[name, buffers] : bySpace) {
    llvm::sort(buffers, [](hbm::BufferOp a, hbm::BufferOp b) {
      return a.getFirst() != b.getFirst() ? a.getFirst() < b.getFirst()
                                          : a->isBeforeInBlock(b);
    });
    std::vector<hbm::BufferOp> live;
    for (hbm::BufferOp op : buffers) {
      llvm::erase_if(live, [&](hbm::BufferOp other) {
        return other.getLast() <= op.getFirst();
      });
      auto endOf = [](hbm::BufferOp b) {
        return int64_t(*b.getOffset()) +
               fm::storageBytes(cast<RankedTensorType>(b.getTensor()));
      };
      for (hbm::BufferOp other : live)
        if (int64_t(*other.getOffset()) < endOf(op) &&
            int64_t(*op.getOffset()) < endOf(other)) {
          op.emitOpError("and '") << other.getName() << "' have memory of '"
                                  << name << "' in common at the same time";
          ok = false;
        }
      live.push_back(op);
    }
  }
  return success(ok);
}

LogicalResult NearVerifier::alive(Operation *op, Value buffer) {
  auto root = dyn_cast<hbm::BufferOp>(rootOf(buffer));
  if (!root ||
      (int64_t(root.getFirst()) <= next && next < int64_t(root.getLast())))
    return success();
  return op->emitOpError("is command ")
         << next << " and uses " << nameOf(buffer) << ", which lives during ["
         << root.getFirst() << ", " << root.getLast() << ")";
}

LogicalResult NearVerifier::current(Operation *op, Value buffer,
                                    StringRef does) {
  const void *memory = memoryOf(buffer);
  auto it = held.find(memory);
  bool startsHome = !isa<hbm::BufferOp>(rootOf(buffer));
  if (it == held.end() && !startsHome)
    return op->emitOpError()
           << does << ' ' << nameOf(buffer) << ", which holds nothing yet";
  int64_t version = it == held.end() ? 0 : it->second;
  if (version != last.lookup(tensors.getOrInsertLeaderValue(memory)))
    return op->emitOpError()
           << does << ' ' << nameOf(buffer) << ", which holds an old value";
  return success();
}

void NearVerifier::write(Value buffer) {
  const void *memory = memoryOf(buffer);
  held[memory] = last[tensors.getOrInsertLeaderValue(memory)] = ++versions;
}

LogicalResult NearVerifier::command(Operation *op) {
  hasFilled = false;
  llvm::erase_if(underWay, [&](const Move &move) { return move.last <= next; });
  SmallVector<Access> accesses = accessesOf(op, symbols);
  if (accesses.empty()) // the host's
    for (Value operand : op->getOperands())
      if (isa<hbm::BufferType>(operand.getType()) &&
          spaceOf(dyn_cast<hbm::BufferOp>(rootOf(operand)), symbols))
        return op->emitOpError("is the host's and uses ") << nameOf(operand);
  for (const Access &access : accesses) {
    if (failed(alive(op, access.buffer)))
      return failure();
    for (const Move &move : underWay)
      if (memoryOf(move.to) == memoryOf(access.buffer) ||
          (access.writes && memoryOf(move.from) == memoryOf(access.buffer)))
        return op->emitOpError("is command ")
               << next << " and uses " << nameOf(access.buffer)
               << " while it is copied during [" << move.first << ", "
               << move.last << ")";
    if (access.reads && failed(current(op, access.buffer, "reads")))
      return failure();
  }
  for (const Access &access : accesses) {
    // The rest of what is written in part must be that of the last value.
    const void *leader =
        tensors.getOrInsertLeaderValue(memoryOf(access.buffer));
    if (access.writes && access.isPart && last.count(leader) &&
        failed(current(op, access.buffer, "writes a part of")))
      return failure();
  }
  for (const Access &access : accesses)
    if (access.writes)
      write(access.buffer);
  ++next;
  return success();
}

LogicalResult NearVerifier::move(Move move) {
  llvm::erase_if(underWay,
                 [&](const Move &other) { return other.last < next; });
  if (move.first != next)
    return move.op->emitOpError("is before command ")
           << next << " but begins with command " << move.first;
  // Between two commands, what goes home makes room for what comes.
  if (move.isOut && hasFilled)
    return move.op->emitOpError("comes after a copy that may need its room");
  hasFilled |= !move.isOut;
  for (const Move &other : underWay) {
    bool isOver = other.last <= move.first;
    if (!isOver && (memoryOf(other.to) == memoryOf(move.to) ||
                    memoryOf(other.to) == memoryOf(move.from) ||
                    memoryOf(other.from) == memoryOf(move.to)))
      return move.op->emitOpError("copies ")
             << nameOf(move.from) << " while another copy does";
  }
  if (failed(current(move.op, move.from, "copies")))
    return failure();
  const void *from = memoryOf(move.from);
  auto it = held.find(from);
  held[memoryOf(move.to)] = it == held.end() ? 0 : it->second;
  underWay.push_back(move);
  return success();
}

LogicalResult NearVerifier::verifyEnd() {
  WalkResult result = func.walk([&](Operation *op) {
    auto buffer = dyn_cast<hbm::BufferOp>(op);
    if (!isa<rt::StateOp>(op) && !(buffer && buffer.getSpace() == "output"))
      return WalkResult::advance();
    const void *memory = memoryOf(op->getResult(0));
    auto it = held.find(memory);
    if ((it == held.end() ? 0 : it->second) ==
        last.lookup(tensors.getOrInsertLeaderValue(memory)))
      return WalkResult::advance();
    op->emitOpError("is not home in the end: ")
        << nameOf(op->getResult(0)) << " holds an old value";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult NearVerifier::run() {
  bool isUsed = false;
  func.walk([&](hbm::BufferOp op) {
    hbm::SpaceOp space = spaceOf(op, symbols);
    isUsed |= space && space.getOver();
  });
  if (!isUsed)
    return success();
  if (!isStraight(func))
    return func.emitOpError("has branches or loops, in which values near the "
                            "cores cannot be followed");
  if (failed(verifyPlaces()))
    return failure();
  func.walk([&](Operation *op) {
    if (Move move = moveOf(op); move.op)
      tensors.unionSets(memoryOf(move.from), memoryOf(move.to));
  });
  for (Operation &op : func.getBody().front()) {
    Move copy = moveOf(&op);
    if (copy.op && failed(move(copy)))
      return failure();
    if (isCommand(&op) && !isa<rt::OutputOp>(op) && failed(command(&op)))
      return failure();
    if (isa<rt::OutputOp>(op))
      ++next;
  }
  return verifyEnd();
}

LogicalResult memory::verifyNear(func::FuncOp func, SymbolTable &symbols) {
  return NearVerifier(func, symbols).run();
}
