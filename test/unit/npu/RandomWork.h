//===- RandomWork.h - Any instruction on any views ------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random instructions on random views of random bytes.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_RANDOMWORK_H
#define NARAE_TEST_UNIT_NPU_RANDOMWORK_H

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/simulator/Simulator.h"
#include "test/unit/npu/TestMachine.h"

#include <cstring>
#include <functional>
#include <map>
#include <random>

namespace narae::npu::test {

class RandomWork {
public:
  using Sizes = std::vector<int64_t>;
  explicit RandomWork(uint64_t seed, int64_t most = 24)
      : random(seed), most(most) {}

  /// One instruction of the opcode with its views, as a program.
  Program program(Opcode opcode);
  /// What is left of the range is taken by indices that are small.
  static constexpr int64_t range = 40 << 10, indices = range;

private:
  int64_t below(int64_t count) { return int64_t(random() % uint64_t(count)); }
  bool chance(int percent) { return below(100) < percent; }
  int64_t size() { return chance(70) ? 1 + below(8) : below(most) + 1; }
  Sizes shape();
  ElementType type() { return ElementType(below(13)); }
  /// Mostly one of those that are computed in often.
  ElementType usual();
  /// Sets view register `number`; a random layout of the sizes.
  void view(int number, ElementType type, const Sizes &sizes, Space space);
  void indexView(int number, const Sizes &sizes);
  void emit(Instruction instruction) { words.push_back(encode(instruction)); }
  void set(Instruction &instruction, OperandName name, int64_t number) {
    instruction[name].number = number;
  }
  void element(Instruction &instruction);
  void rows(Instruction &instruction);
  void tensor(Instruction &instruction);
  void dma(Instruction &instruction);
  float scalar();

  std::mt19937_64 random;
  int64_t most;
  std::vector<Word> words;
};

inline RandomWork::Sizes RandomWork::shape() {
  Sizes sizes;
  int64_t elements = 1;
  for (int64_t rank = 1 + below(4); rank > 0; --rank) {
    sizes.push_back(elements > 300 ? 1 + below(2) : size());
    elements *= sizes.back();
  }
  return sizes;
}

inline ElementType RandomWork::usual() {
  constexpr ElementType types[] = {ElementType::F32, ElementType::F16,
                                   ElementType::BF16, ElementType::F16};
  return chance(75) ? types[below(4)] : type();
}

inline float RandomWork::scalar() {
  constexpr float special[] = {0, -0.0f, 1, -2.5f, 1e-40f, INFINITY, NAN, 1e9f};
  return chance(40) ? special[below(8)] : float(below(2000) - 1000) / 64;
}

inline void RandomWork::view(int number, ElementType type, const Sizes &sizes,
                             Space space) {
  size_t rank = sizes.size();
  std::vector<size_t> order(rank);
  for (size_t axis = 0; axis < rank; ++axis)
    order[axis] = rank - 1 - axis;
  if (chance(30))
    std::shuffle(order.begin(), order.end(), random);
  Sizes strides(rank);
  int64_t next = 1, low = 0, high = 1;
  bool isSparse = chance(25);
  for (size_t axis : order) {
    strides[axis] = isSparse && chance(40) ? next + below(3) : next;
    next = strides[axis] * std::max<int64_t>(sizes[axis], 1);
    if (chance(6))
      strides[axis] = 0; // repeated
    if (chance(6))
      strides[axis] = -strides[axis];
    (strides[axis] < 0 ? low : high) += strides[axis] * (sizes[axis] - 1);
  }
  int bits = bitsOf(type);
  int64_t step = std::max(bits / 8, 1);
  int64_t first = (-low * bits + 7) / 8, last = range - (high * bits + 7) / 8;
  int64_t base = first;
  if (last > first)
    base += below(last - first);
  base = (base + step - 1) / step * step;
  Instruction head;
  head.opcode = Opcode::View;
  set(head, OperandName::Dst, number);
  set(head, OperandName::Type, int64_t(type));
  set(head, OperandName::Space, int64_t(space));
  set(head, OperandName::Rank, int64_t(rank));
  set(head, OperandName::Unit, -1);
  set(head, OperandName::Base, base);
  emit(head);
  for (size_t axis = 0; axis < rank; ++axis) {
    Instruction dim;
    dim.opcode = Opcode::Dim;
    set(dim, OperandName::Dst, number);
    set(dim, OperandName::Axis, int64_t(axis));
    set(dim, OperandName::Size, sizes[axis]);
    set(dim, OperandName::Stride, strides[axis]);
    emit(dim);
  }
}

inline void RandomWork::indexView(int number, const Sizes &sizes) {
  // Dense, where small numbers are.
  int64_t stride = 1;
  Instruction head;
  head.opcode = Opcode::View;
  set(head, OperandName::Dst, number);
  set(head, OperandName::Type, int64_t(ElementType::I32));
  set(head, OperandName::Space, int64_t(Space::Scratchpad));
  set(head, OperandName::Rank, int64_t(sizes.size()));
  set(head, OperandName::Unit, -1);
  set(head, OperandName::Base, indices);
  emit(head);
  for (size_t axis = sizes.size(); axis-- > 0; stride *= sizes[axis + 0]) {
    Instruction dim;
    dim.opcode = Opcode::Dim;
    set(dim, OperandName::Dst, number);
    set(dim, OperandName::Axis, int64_t(axis));
    set(dim, OperandName::Size, sizes[axis]);
    set(dim, OperandName::Stride, stride);
    emit(dim);
  }
}

inline void RandomWork::element(Instruction &instruction) {
  Sizes sizes = shape();
  Space space = Space::Scratchpad;
  bool bits =
      instruction.opcode >= Opcode::VAnd && instruction.opcode <= Opcode::VRem;
  bool integers = chance(bits ? 95 : 20);
  auto pick = [&] {
    return integers     ? ElementType(int(ElementType::I32) + below(6))
           : chance(75) ? usual()
                        : type();
  };
  view(1, pick(), sizes, space);
  set(instruction, OperandName::Dst, 1);
  int number = 2;
  for (OperandName name : {OperandName::A, OperandName::B, OperandName::C}) {
    int at = instruction.info().find(name);
    if (at < 0)
      continue;
    bool optional =
        instruction.info().operands[size_t(at)].kind == OperandKind::MaybeView;
    bool divides = instruction.opcode == Opcode::VRem;
    if (optional && chance(divides ? 80 : 30)) {
      set(instruction, name, noView);
      float value = scalar();
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      set(instruction,
          name == OperandName::B ? OperandName::BValue : OperandName::CValue,
          bits);
      continue;
    }
    set(instruction, name, number);
    view(number++, pick(), sizes, space);
  }
  for (OperandName name : {OperandName::Start, OperandName::Step})
    if (instruction.info().find(name) >= 0) {
      float value = scalar();
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      set(instruction, name, bits);
    }
  if (chance(20) && instruction.info().find(OperandName::A) >= 0)
    set(instruction, OperandName::A, 1); // in place
}

inline void RandomWork::rows(Instruction &instruction) {
  Sizes sizes = shape();
  if (chance(50))
    sizes.back() = 1 + below(4 * most);
  Sizes result = sizes;
  Space space = Space::Scratchpad;
  ElementType type = usual();
  set(instruction, OperandName::Dst, 1);
  set(instruction, OperandName::A, 2);
  switch (instruction.opcode) {
  case Opcode::VScan:
    break;
  case Opcode::VTopK:
    result.back() = 1 + below(sizes.back());
    set(instruction, OperandName::Dst2, 3);
    view(3, ElementType::I32, result, space);
    break;
  case Opcode::VGather:
  case Opcode::VScatter: {
    sizes[0] = 4 + below(4);
    result = sizes;
    (instruction.opcode == Opcode::VGather ? result : sizes)[0] = 1 + below(9);
    set(instruction, OperandName::Index, 3);
    if (instruction.opcode == Opcode::VScatter)
      set(instruction, OperandName::Accumulate, below(2));
    indexView(3,
              {instruction.opcode == Opcode::VGather ? result[0] : sizes[0]});
    break;
  }
  case Opcode::VPick:
    sizes.back() = 4 + below(9);
    result.back() = 1 + below(9);
    set(instruction, OperandName::Index, 3);
    indexView(3, result);
    break;
  case Opcode::VRotary: {
    sizes.back() = 2 * (1 + below(most));
    result = sizes;
    Sizes half = sizes;
    half.back() /= 2;
    set(instruction, OperandName::Cos, 3);
    set(instruction, OperandName::Sin, 4);
    set(instruction, OperandName::Rotation, below(2));
    view(3, usual(), half, space);
    view(4, usual(), half, space);
    break;
  }
  default:
    result.back() = 1;
    if (instruction.opcode == Opcode::VArgMax ||
        instruction.opcode == Opcode::VArgMin)
      type = ElementType::I32;
  }
  view(1, type, result, space);
  view(2, usual(), sizes, space);
}

inline void RandomWork::tensor(Instruction &instruction) {
  constexpr ElementType F32 = ElementType::F32, F16 = ElementType::F16,
                        BF16 = ElementType::BF16, E4M3 = ElementType::E4M3,
                        E5M2 = ElementType::E5M2, I8 = ElementType::I8,
                        I4 = ElementType::I4;
  Space space = Space::Scratchpad;
  set(instruction, OperandName::Acc, 1);
  if (instruction.opcode == Opcode::Drain ||
      instruction.opcode == Opcode::AccLoad) {
    Sizes sizes = shape();
    view(1, chance(80) ? F32 : ElementType::I32, sizes, Space::Accumulator);
    view(2, usual(), sizes, space);
    if (instruction.opcode == Opcode::AccLoad)
      return set(instruction, OperandName::A, 2);
    set(instruction, OperandName::Dst, 2);
    int number = 3;
    int64_t combine = below(3);
    for (OperandName name : {OperandName::Scale, OperandName::Scale2,
                             OperandName::Bias, OperandName::Other}) {
      bool given = name == OperandName::Other ? combine != 0 : chance(40);
      set(instruction, name, given ? number : noView);
      if (given)
        view(number++, usual(), sizes, space);
    }
    set(instruction, OperandName::Activation, below(7));
    set(instruction, OperandName::Combine, combine);
    return;
  }
  constexpr ElementType pairs[][2] = {
      {F32, F32},   {F16, F16},   {F16, F16}, {BF16, BF16}, {E4M3, E4M3},
      {E4M3, E5M2}, {E5M2, E4M3}, {I8, I8},   {I8, I4},     {I4, I4}};
  int64_t pair = below(10);
  ElementType left = pairs[pair][0], right = pairs[pair][1];
  bool integers = isInteger(left);
  set(instruction, OperandName::A, 2);
  set(instruction, OperandName::B, 3);
  set(instruction, OperandName::Accumulate, below(2));
  if (instruction.opcode == Opcode::Conv) {
    int64_t channels = 1 + below(5), outputs = size();
    int64_t height = 1 + below(6), width = 1 + below(6);
    view(2, left, {height, width, channels}, space);
    view(3, right, {1 + below(3), 1 + below(3), channels, outputs}, space);
    view(1, integers ? ElementType::I32 : F32,
         {1 + below(6), 1 + below(6), outputs}, Space::Accumulator);
    for (OperandName name : {OperandName::StrideY, OperandName::StrideX,
                             OperandName::DilationY, OperandName::DilationX})
      set(instruction, name, 1 + below(3));
    set(instruction, OperandName::PadTop, below(3));
    set(instruction, OperandName::PadLeft, below(3));
    return;
  }
  int64_t m = size(), k = chance(20) ? 1 + below(8 * most) : size(),
          n = chance(50) ? 1 + below(4 * most) : size();
  auto mode = MatmulMode(below(3));
  set(instruction, OperandName::Scale, noView);
  set(instruction, OperandName::Offset, noView);
  if (mode == MatmulMode::Dequant) {
    constexpr ElementType packed[] = {
        I4,   ElementType::U4,  I8, ElementType::U8, E4M3,
        E5M2, ElementType::E2M1};
    left = chance(50) ? F16 : BF16;
    right = packed[below(7)];
    integers = false;
  }
  if (mode != MatmulMode::Plain) {
    int64_t group = 1 + below(k + 4);
    constexpr ElementType scales[] = {F32, F16, BF16, ElementType::E8M0};
    Sizes sizes = {(k + group - 1) / group, n};
    set(instruction, OperandName::Group, group);
    set(instruction, OperandName::Scale, 4);
    view(4, scales[below(4)], sizes, space);
    if (mode == MatmulMode::Dequant && chance(50)) {
      set(instruction, OperandName::Offset, 5);
      view(5, scales[below(3)], sizes, space);
    }
  }
  set(instruction, OperandName::Mode, int64_t(mode));
  bool toI32 = integers && mode == MatmulMode::Plain;
  view(1, toI32 ? ElementType::I32 : F32, {m, n}, Space::Accumulator);
  view(2, left, {m, k}, space);
  view(3, right, {k, n}, space);
}

inline void RandomWork::dma(Instruction &instruction) {
  Sizes sizes = shape(), many = sizes;
  constexpr Space spaces[] = {Space::Scratchpad, Space::Shared, Space::Dram};
  ElementType elements = type();
  set(instruction, OperandName::Dst, 1);
  if (instruction.opcode == Opcode::DFill) {
    view(1, elements, sizes, spaces[below(3)]);
    return set(instruction, OperandName::Bits, int64_t(random() & 0xffffffff));
  }
  set(instruction, OperandName::A, 2);
  if (instruction.opcode == Opcode::DMulticast) {
    set(instruction, OperandName::Count, 1 + below(3));
    view(1, elements, sizes, Space::Scratchpad);
  } else {
    bool isCopy = instruction.opcode == Opcode::DCopy;
    if (!isCopy) {
      sizes[0] = 1 + below(7);
      many[0] = 4 + below(4);
      set(instruction, OperandName::Index, 3);
      indexView(3, {sizes[0]});
    }
    bool isScatter = instruction.opcode == Opcode::DScatter;
    view(1, elements, isScatter ? many : sizes, spaces[below(3)]);
    if (instruction.opcode == Opcode::DGather)
      sizes = many;
  }
  view(2, elements, sizes, spaces[1 + below(2)]);
}

inline Program RandomWork::program(Opcode opcode) {
  words.clear();
  Instruction instruction;
  instruction.opcode = opcode;
  Engine engine = Engine::Vector;
  if (instruction.info().runsOn(Engine::Tensor)) {
    engine = Engine::Tensor;
    tensor(instruction);
  } else if (instruction.info().runsOn(Engine::CoreDma)) {
    engine = Engine::CoreDma;
    dma(instruction);
  } else if (opcode >= Opcode::VSum) {
    rows(instruction);
  } else {
    element(instruction);
  }
  emit(instruction);
  Program program;
  program.code = words;
  program.streams.push_back({{engine, 0, 0}, 0, uint32_t(words.size())});
  return program;
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_RANDOMWORK_H
