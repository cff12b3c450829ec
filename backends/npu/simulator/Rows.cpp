//===- Rows.cpp - The vector engine, by row and index ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"
#include "backends/npu/simulator/Layout.h"

#include <cmath>

using namespace narae::npu;

/// Whether a is before b among falling values: NaN first.
static bool isAbove(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && !std::isnan(b);
  return a > b;
}
static bool isAbove(int32_t a, int32_t b) { return a > b; }
/// Among rising values, NaN first.
static bool isBelow(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && !std::isnan(b);
  return a < b;
}
static bool isBelow(int32_t a, int32_t b) { return a < b; }

static float magnitude(float a) { return std::fabs(a); }
static int32_t magnitude(int32_t a) {
  return a < 0 ? int32_t(0 - uint32_t(a)) : a;
}

/// The sixteen sums of the definition.
static float sum(const float *row, size_t count, bool squares) {
  float sums[16] = {};
  for (size_t i = 0; i < count; ++i) {
    float &target = sums[i % 16];
    target = squares ? std::fma(row[i], row[i], target) : target + row[i];
  }
  for (int step = 8; step; step /= 2)
    for (int j = 0; j < step; ++j)
      sums[j] = sums[j] + sums[j + step];
  return sums[0];
}
static int32_t sum(const int32_t *row, size_t count, bool squares) {
  uint32_t total = 0;
  for (size_t i = 0; i < count; ++i)
    total += uint32_t(row[i]) * (squares ? uint32_t(row[i]) : 1);
  return int32_t(total);
}

template <typename T>
static T reduce(Opcode opcode, const T *row, size_t count) {
  switch (opcode) {
  case Opcode::VSum:
    return sum(row, count, false);
  case Opcode::VSumSq:
    return sum(row, count, true);
  default:
    break;
  }
  // The rest chooses one of the elements.
  bool isMinimum = opcode == Opcode::VRowMin || opcode == Opcode::VArgMin;
  bool isAbsolute = opcode == Opcode::VAbsMax;
  size_t best = 0;
  auto at = [&](size_t i) { return isAbsolute ? magnitude(row[i]) : row[i]; };
  for (size_t i = 1; i < count; ++i)
    if (isMinimum ? isBelow(at(i), at(best)) : isAbove(at(i), at(best)))
      best = i;
  if (opcode == Opcode::VArgMax || opcode == Opcode::VArgMin)
    return T(best);
  return at(best);
}

/// Shapes that agree but for the last dimension, which has `last` elements.
static bool sameRows(Execution &execution, const View &view, OperandName name,
                     const View &a, OperandName aName, int64_t last) {
  bool good = view.rank == a.rank && view.sizes[view.rank - 1] == last;
  for (int axis = 0; good && axis + 1 < a.rank; ++axis)
    good = view.sizes[axis] == a.sizes[axis];
  if (good)
    return true;
  return execution.fail(FaultKind::Shape,
                        std::string(operandText(name)) + " is " +
                            describeView(view) + ", but needs the rows of " +
                            operandText(aName) + ", " + describeView(a) +
                            ", with " + std::to_string(last) + " elements");
}

static bool indices(Execution &execution, const View &view, OperandName name) {
  if (view.type == ElementType::I32)
    return true;
  return execution.fail(FaultKind::Type, std::string(operandText(name)) +
                                             " holds indices, which are i32, "
                                             "not " +
                                             typeText(view.type));
}

/// dst and a of an instruction that makes something of rows.
static bool rowOperands(Execution &execution, View &dst, View &a) {
  return execution.view(OperandName::Dst, dst) &&
         execution.view(OperandName::A, a) &&
         execution.result(dst, OperandName::Dst) &&
         execution.apart(dst, a, OperandName::A);
}

template <typename T, typename Result>
static bool reduceRows(Execution &execution, const View &dst, const View &a) {
  std::vector<T> values;
  if (!execution.load(a, values))
    return false;
  size_t row = size_t(a.sizes[a.rank - 1]);
  std::vector<Result> results(size_t(dst.elements()));
  for (size_t i = 0; i < results.size(); ++i) {
    if constexpr (std::is_same_v<T, Result>) {
      results[i] =
          reduce(execution.instruction.opcode, values.data() + i * row, row);
    } else {
      // Indices of floats: beyond 2^24 a float would not hold them.
      size_t best = 0;
      bool isMinimum = execution.instruction.opcode == Opcode::VArgMin;
      const T *at = values.data() + i * row;
      for (size_t j = 1; j < row; ++j)
        if (isMinimum ? isBelow(at[j], at[best]) : isAbove(at[j], at[best]))
          best = j;
      results[i] = Result(best);
    }
  }
  return execution.store(dst, results);
}

static bool executeReduce(Execution &execution) {
  View dst, a;
  if (!rowOperands(execution, dst, a) ||
      !sameRows(execution, dst, OperandName::Dst, a, OperandName::A, 1))
    return false;
  Opcode opcode = execution.instruction.opcode;
  bool isIndex = opcode == Opcode::VArgMax || opcode == Opcode::VArgMin;
  if (isIndex && !indices(execution, dst, OperandName::Dst))
    return false;
  bool isSum = opcode == Opcode::VSum || opcode == Opcode::VSumSq;
  if (!isSum && a.sizes[a.rank - 1] == 0 && dst.elements())
    return execution.fail(FaultKind::Shape,
                          "no element to choose of empty rows");
  if (!execution.data())
    return true;
  if (isInteger(a.type) && isInteger(dst.type))
    return reduceRows<int32_t, int32_t>(execution, dst, a);
  if (isIndex)
    return reduceRows<float, int32_t>(execution, dst, a);
  return reduceRows<float, float>(execution, dst, a);
}

template <typename T>
static bool scanRows(Execution &execution, const View &dst, const View &a) {
  std::vector<T> values;
  if (!execution.load(a, values))
    return false;
  size_t row = size_t(a.sizes[a.rank - 1]);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % row == 0)
      continue;
    if constexpr (std::is_same_v<T, float>)
      values[i] = values[i - 1] + values[i];
    else
      values[i] = T(uint32_t(values[i - 1]) + uint32_t(values[i]));
  }
  return execution.store(dst, values);
}

static bool executeScan(Execution &execution) {
  View dst, a;
  if (!rowOperands(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A))
    return false;
  if (!execution.data())
    return true;
  if (isInteger(a.type) && isInteger(dst.type))
    return scanRows<int32_t>(execution, dst, a);
  return scanRows<float>(execution, dst, a);
}

template <typename T>
static bool topRows(Execution &execution, const View &dst, const View &places,
                    const View &a) {
  std::vector<T> values, best;
  if (!execution.load(a, values))
    return false;
  size_t row = size_t(a.sizes[a.rank - 1]);
  size_t count = size_t(dst.sizes[dst.rank - 1]);
  std::vector<int32_t> order(row), chosen;
  for (size_t begin = 0; begin < values.size(); begin += row) {
    for (size_t i = 0; i < row; ++i)
      order[i] = int32_t(i);
    const T *at = values.data() + begin;
    std::partial_sort(order.begin(), order.begin() + ptrdiff_t(count),
                      order.end(), [&](int32_t i, int32_t j) {
                        if (isAbove(at[i], at[j]))
                          return true;
                        return !isAbove(at[j], at[i]) && i < j;
                      });
    for (size_t i = 0; i < count; ++i) {
      best.push_back(at[order[i]]);
      chosen.push_back(order[i]);
    }
  }
  return execution.store(dst, best) && execution.store(places, chosen);
}

static bool executeTopK(Execution &execution) {
  View dst, places, a;
  if (!rowOperands(execution, dst, a) ||
      !execution.view(OperandName::Dst2, places) ||
      !execution.result(places, OperandName::Dst2) ||
      !execution.apart(places, a, OperandName::A))
    return false;
  int64_t count = dst.sizes[dst.rank - 1];
  if (!sameRows(execution, dst, OperandName::Dst, a, OperandName::A, count) ||
      !execution.sameShape(dst, OperandName::Dst, places, OperandName::Dst2) ||
      !indices(execution, places, OperandName::Dst2))
    return false;
  if (count > a.sizes[a.rank - 1])
    return execution.fail(FaultKind::Shape,
                          "the largest " + std::to_string(count) + " of " +
                              std::to_string(a.sizes[a.rank - 1]));
  if (overlap(dst, places))
    return execution.fail(FaultKind::Overlap, "dst and dst2 share bytes");
  if (!execution.data())
    return true;
  return isInteger(a.type) && isInteger(dst.type)
             ? topRows<int32_t>(execution, dst, places, a)
             : topRows<float>(execution, dst, places, a);
}

/// An index that must be below `count`.
static bool checkIndex(Execution &execution, int32_t index, int64_t count,
                       size_t at) {
  if (index >= 0 && index < count)
    return true;
  return execution.fail(FaultKind::Index, "index[" + std::to_string(at) +
                                              "] is " + std::to_string(index) +
                                              ", of " + std::to_string(count));
}

template <typename T>
static bool byIndex(Execution &execution, const View &dst, const View &a,
                    const View &index) {
  std::vector<int32_t> places;
  std::vector<T> values;
  if (!execution.load(index, places) || !execution.load(a, values))
    return false;
  std::vector<T> results(size_t(dst.elements()));
  Opcode opcode = execution.instruction.opcode;
  if (opcode == Opcode::VPick) {
    size_t row = size_t(dst.sizes[dst.rank - 1]);
    size_t from = size_t(a.sizes[a.rank - 1]);
    for (size_t i = 0; i < results.size(); ++i) {
      if (!checkIndex(execution, places[i], int64_t(from), i))
        return false;
      results[i] = values[i / row * from + size_t(places[i])];
    }
    return execution.store(dst, results);
  }
  bool isGather = opcode == Opcode::VGather;
  const View &rows = isGather ? dst : a, &many = isGather ? a : dst;
  size_t row = places.empty() ? 0 : size_t(rows.elements()) / places.size();
  if (isGather) {
    for (size_t i = 0; i < places.size(); ++i) {
      if (!checkIndex(execution, places[i], many.sizes[0], i))
        return false;
      std::copy_n(values.begin() + ptrdiff_t(size_t(places[i]) * row), row,
                  results.begin() + ptrdiff_t(i * row));
    }
    return execution.store(dst, results);
  }
  // Row by row, so that rows that no index names stay untouched.
  bool accumulate = execution.flag(OperandName::Accumulate);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!checkIndex(execution, places[i], many.sizes[0], i))
      return false;
    View target = dst;
    int64_t bits = places[i] * dst.strides[0] * bitsOf(dst.type);
    if (bits % 8)
      return execution.fail(FaultKind::Misaligned,
                            "a row begins inside of a byte");
    target.base += bits / 8;
    target.sizes[0] = 1;
    std::vector<T> old, next(values.begin() + ptrdiff_t(i * row),
                             values.begin() + ptrdiff_t((i + 1) * row));
    if (accumulate) {
      if (!execution.load(target, old))
        return false;
      for (size_t j = 0; j < row; ++j) {
        if constexpr (std::is_same_v<T, float>)
          next[j] = old[j] + next[j];
        else
          next[j] = T(uint32_t(old[j]) + uint32_t(next[j]));
      }
    }
    if (!execution.store(target, next))
      return false;
  }
  return true;
}

static bool executeByIndex(Execution &execution) {
  View dst, a, index;
  if (!rowOperands(execution, dst, a) ||
      !execution.view(OperandName::Index, index) ||
      !indices(execution, index, OperandName::Index) ||
      !execution.apart(dst, index, OperandName::Index))
    return false;
  Opcode opcode = execution.instruction.opcode;
  if (opcode == Opcode::VPick) {
    if (!execution.sameShape(dst, OperandName::Dst, index,
                             OperandName::Index) ||
        !sameRows(execution, a, OperandName::A, dst, OperandName::Dst,
                  a.sizes[a.rank - 1]))
      return false;
  } else {
    const View &rows = opcode == Opcode::VGather ? dst : a;
    const View &many = opcode == Opcode::VGather ? a : dst;
    bool good = rows.rank == many.rank && index.rank == 1 &&
                index.sizes[0] == rows.sizes[0];
    for (int axis = 1; good && axis < rows.rank; ++axis)
      good = rows.sizes[axis] == many.sizes[axis];
    if (!good)
      return execution.fail(FaultKind::Shape, "rows " + describeView(rows) +
                                                  " by index " +
                                                  describeView(index) + " of " +
                                                  describeView(many));
  }
  if (!execution.data())
    return true;
  return isInteger(a.type) && isInteger(dst.type)
             ? byIndex<int32_t>(execution, dst, a, index)
             : byIndex<float>(execution, dst, a, index);
}

static bool executeRotary(Execution &execution) {
  View dst, a, cos, sin;
  if (!rowOperands(execution, dst, a) ||
      !execution.sameShape(dst, OperandName::Dst, a, OperandName::A) ||
      !execution.view(OperandName::Cos, cos) ||
      !execution.view(OperandName::Sin, sin))
    return false;
  int64_t size = a.sizes[a.rank - 1], half = size / 2;
  if (size % 2)
    return execution.fail(FaultKind::Shape, "rows of " + std::to_string(size) +
                                                " elements do not make pairs");
  if (!sameRows(execution, cos, OperandName::Cos, a, OperandName::A, half) ||
      !sameRows(execution, sin, OperandName::Sin, a, OperandName::A, half) ||
      !execution.apart(dst, cos, OperandName::Cos) ||
      !execution.apart(dst, sin, OperandName::Sin))
    return false;
  if (!execution.data())
    return true;
  std::vector<float> values, c, s;
  if (!execution.load(a, values) || !execution.load(cos, c) ||
      !execution.load(sin, s))
    return false;
  bool halves =
      Rotation(execution.number(OperandName::Rotation)) == Rotation::Halves;
  for (size_t i = 0; i < c.size(); ++i) {
    size_t row = i / size_t(half) * size_t(size), j = i % size_t(half);
    float &p = values[row + (halves ? j : 2 * j)];
    float &q = values[row + (halves ? j + size_t(half) : 2 * j + 1)];
    float turnedP = std::fma(p, c[i], -(q * s[i]));
    float turnedQ = std::fma(q, c[i], p * s[i]);
    p = turnedP, q = turnedQ;
  }
  return execution.store(dst, values);
}

bool narae::npu::executeRows(Execution &execution) {
  switch (execution.instruction.opcode) {
  case Opcode::VScan:
    return executeScan(execution);
  case Opcode::VTopK:
    return executeTopK(execution);
  case Opcode::VGather:
  case Opcode::VPick:
  case Opcode::VScatter:
    return executeByIndex(execution);
  case Opcode::VRotary:
    return executeRotary(execution);
  default:
    return executeReduce(execution);
  }
}
