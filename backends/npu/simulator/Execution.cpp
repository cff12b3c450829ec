//===- Execution.cpp - What all instructions do ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Execution.h"

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Layout.h"

#include <cmath>
#include <cstring>

using namespace narae::npu;

/// "scratchpad of core 3", "dram 0".
static std::string describeMemory(Space space, int32_t unit) {
  std::string text = spaceText(space);
  switch (space) {
  case Space::Scratchpad:
  case Space::Accumulator:
    return text + " of core " + std::to_string(unit);
  case Space::Shared:
    return text + " memory of chiplet " + std::to_string(unit);
  case Space::Dram:
    return text + " pool " + std::to_string(unit);
  case Space::Host:
    return text + " memory";
  }
  return text;
}

std::string narae::npu::describeView(const View &view) {
  std::string text = std::string(typeText(view.type)) + " [";
  for (int axis = 0; axis < view.rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(view.sizes[axis]);
  return text + "]";
}

bool Execution::fail(FaultKind kind, const std::string &what) {
  fault =
      Fault{kind, stream.id, stream.pc,
            describe(stream.id) + ", word " + std::to_string(stream.pc) + " (" +
                print(instruction) + "): " + faultText(kind) + ": " + what};
  return false;
}

static float floatOf(int64_t bits) {
  uint32_t word = uint32_t(bits);
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

float Execution::scalar(OperandName name) const {
  const Operand &operand = instruction[name];
  float number = floatOf(operand.number);
  return operand.reg ? float(stream.registers[operand.reg]) + number : number;
}

int32_t Execution::integerScalar(OperandName name) const {
  const Operand &operand = instruction[name];
  double number = std::trunc(double(floatOf(operand.number)));
  int64_t whole = std::fabs(number) <= 9e15 ? int64_t(number) : 0;
  return int32_t(uint64_t(stream.registers[operand.reg]) + uint64_t(whole));
}

bool Execution::isOfFewIntegers() const {
  constexpr int64_t many = 4096;
  const std::vector<OperandInfo> &infos = instruction.info().operands;
  for (size_t i = 0; i < infos.size(); ++i) {
    OperandKind kind = infos[i].kind;
    int64_t number = instruction.operands[i].number;
    if ((kind != OperandKind::View && kind != OperandKind::MaybeView) ||
        number == noView)
      continue;
    const View &view = stream.views[size_t(number)];
    if (view.type != ElementType::I32 || view.elements() > many)
      return false;
  }
  return true;
}

bool Execution::view(OperandName name, View &view) {
  int64_t reg = number(name);
  auto text = [&] {
    return std::string(operandText(name)) + " (v" + std::to_string(reg) + ")";
  };
  view = stream.views[reg];
  if (view.rank == 0)
    return fail(FaultKind::Shape, text() + " was never set");
  if (view.unit == -1) {
    view.unit = state.ownUnit(stream.id, view.space);
    if (view.unit == -1)
      return fail(FaultKind::Reach,
                  text() + ": the engine has no own " + spaceText(view.space));
  }
  if (!reaches(stream.id.engine, view.space))
    return fail(FaultKind::Reach, text() + " is in " + spaceText(view.space) +
                                      ", which the engine does not reach");
  if (view.unit < 0 || view.unit >= state.units(view.space))
    return fail(FaultKind::Reach, text() + " is in " +
                                      describeMemory(view.space, view.unit) +
                                      ", which does not exist");
  bool ownOnly =
      stream.id.engine == Engine::Tensor || stream.id.engine == Engine::Vector;
  if (ownOnly && view.unit != stream.id.unit)
    return fail(FaultKind::Reach, text() + " is in the " +
                                      describeMemory(view.space, view.unit) +
                                      "; the engine reaches its own only");
  int64_t begin, end, bytes = state.bytes(view.space);
  if (view.elements() > INT32_MAX)
    return fail(FaultKind::Shape, text() + " has more than 2^31 - 1 elements");
  if (!extent(view, begin, end) || begin < 0 || end > bytes)
    return fail(FaultKind::OutOfRange,
                text() + ", " + describeView(view) + ", needs bytes " +
                    std::to_string(begin) + " to " + std::to_string(end) +
                    " of the " + describeMemory(view.space, view.unit) +
                    ", which has " + std::to_string(bytes));
  int64_t alignment = std::max(bitsOf(view.type) / 8, 1);
  bool isDma = !ownOnly && instruction.opcode != Opcode::Load;
  if (isDma)
    alignment = std::max(alignment, state.machine.dma.alignment);
  if (view.base % alignment)
    return fail(FaultKind::Misaligned,
                text() + " begins at byte " + std::to_string(view.base) +
                    ", no multiple of " + std::to_string(alignment));
  return true;
}

bool Execution::rank(const View &view, OperandName name, int rank) {
  if (view.rank == rank)
    return true;
  return fail(FaultKind::Shape, std::string(operandText(name)) + " has rank " +
                                    std::to_string(view.rank) + ", not " +
                                    std::to_string(rank));
}

bool Execution::sameShape(const View &a, OperandName aName, const View &b,
                          OperandName bName) {
  bool same = a.rank == b.rank;
  for (int axis = 0; same && axis < a.rank; ++axis)
    same = a.sizes[axis] == b.sizes[axis];
  if (same)
    return true;
  return fail(FaultKind::Shape,
              std::string(operandText(aName)) + " is " + describeView(a) +
                  ", but " + operandText(bName) + " is " + describeView(b));
}

bool Execution::result(const View &view, OperandName name) {
  if (!isStored(view.type))
    return fail(FaultKind::Type, std::string(operandText(name)) + " is " +
                                     typeText(view.type) +
                                     ", which only weights and scales have");
  if (!elementsApart(view))
    return fail(FaultKind::Overlap, std::string("elements of ") +
                                        operandText(name) +
                                        " overlap each other");
  return true;
}

bool Execution::apart(const View &result, const View &operand,
                      OperandName name) {
  bool same = result.base == operand.base && result.rank == operand.rank &&
              bitsOf(result.type) == bitsOf(operand.type);
  for (int axis = 0; same && axis < result.rank; ++axis)
    same = result.sizes[axis] == operand.sizes[axis] &&
           (result.sizes[axis] == 1 ||
            result.strides[axis] == operand.strides[axis]);
  if (same || !overlap(result, operand))
    return true;
  return fail(FaultKind::Overlap, std::string("the result overlaps ") +
                                      operandText(name) +
                                      " without being the same elements");
}

bool Execution::collide(const Collision &collision, const View &view,
                        bool isWrite) {
  std::string place = "byte " + std::to_string(collision.address) + " of the " +
                      describeMemory(view.space, view.unit);
  if (collision.kind == Collision::Uninitialised)
    return fail(FaultKind::Uninitialised,
                "reads " + place + ", which nobody has written so far");
  const StreamState &other = state.streams[collision.other.stream];
  const Instruction &word =
      state.loaded->code[other.stream.first + collision.other.word];
  std::string who = describe(other.id) + ", word " +
                    std::to_string(collision.other.word) + " (" + print(word) +
                    ")";
  std::string what = isWrite ? "writes " : "reads ";
  bool pending = collision.kind == Collision::UnseenWrite && !other.inOrder();
  if (pending)
    return fail(FaultKind::BeforeArrival,
                what + place + ", which the descriptor of " + who +
                    " writes; nothing waits for its completion");
  return fail(
      FaultKind::MissingSync,
      what + place + ", which " + who +
          (collision.kind == Collision::UnseenWrite ? " writes" : " reads") +
          "; nothing orders the two");
}

bool Execution::track(const View &view, bool isWrite) {
  if (!options.data || !options.track)
    return true;
  Tracker &tracker = state.tracker(view.space, view.unit);
  Collision collision = tracker.access(view, isWrite, stream.epoch(),
                                       stream.clock, stream.inOrder());
  return collision.kind == Collision::None || collide(collision, view, isWrite);
}

namespace {
/// Round to nearest and subnormals kept, as the definition says, whatever the
/// process has set.
class FloatEnvironment {
public:
#if defined(__x86_64__)
  FloatEnvironment() : before(__builtin_ia32_stmxcsr()) {
    constexpr unsigned flags = 0x3f, standard = 0x1f80;
    if ((before & ~flags) != standard)
      __builtin_ia32_ldmxcsr(standard);
    changed = (before & ~flags) != standard;
  }
  ~FloatEnvironment() {
    if (changed)
      __builtin_ia32_ldmxcsr(before);
  }

private:
  unsigned before;
  bool changed;
#endif
};
} // namespace

bool Execution::execute(const Operation &operation) {
  FloatEnvironment environment;
  switch (datapath.execute(operation)) {
  case Outcome::Done:
    return true;
  case Outcome::DivisionByZero:
    return fail(FaultKind::Arithmetic, "an element of b is 0");
  case Outcome::Failed:
    break;
  }
  return fail(FaultKind::Device, datapath.error());
}

bool Execution::readIntegers(const View &view, std::vector<int32_t> &values) {
  return datapath.readIntegers(view, values) == Outcome::Done ||
         fail(FaultKind::Device, datapath.error());
}
