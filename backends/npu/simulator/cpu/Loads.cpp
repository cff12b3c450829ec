//===- Loads.cpp - Elements of views to f32 and back ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Layout.h"
#include "backends/npu/simulator/cpu/CpuDatapath.h"

#include <cstring>

using namespace narae::npu;
using namespace narae::npu::cpu;

float *CpuDatapath::take(size_t slot, int64_t count) {
  Slot &memory = slots[slot];
  if (memory.count < count) {
    memory.count = count + count / 2;
    memory.values.reset(new float[size_t(memory.count)]);
  }
  return memory.values.get();
}

uint8_t *CpuDatapath::begin(const View &view) {
  int64_t first, end;
  extent(view, first, end);
  uint8_t *bytes = memories.at(view.space, view.unit).piece(first, end - first);
  return bytes ? bytes + (view.base - first) : nullptr;
}

/// The same elements in the same order with as few dimensions as possible.
static View merged(const View &view) {
  View result = view;
  result.rank = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    int64_t size = view.sizes[axis], stride = view.strides[axis];
    if (size == 1)
      continue;
    int last = result.rank - 1;
    if (last >= 0 && result.strides[last] == stride * size) {
      result.sizes[last] *= size;
      result.strides[last] = stride;
      continue;
    }
    result.sizes[result.rank] = size;
    result.strides[result.rank++] = stride;
  }
  if (result.rank == 0) {
    result.rank = 1;
    result.sizes[0] = result.strides[0] = 1;
  }
  return result;
}

template <typename T>
static void pickElements(const uint8_t *from, int64_t stride, uint8_t *to,
                         int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * int64_t(sizeof(T)),
                from + i * stride * int64_t(sizeof(T)), sizeof(T));
}
template <typename T>
static void spreadElements(const uint8_t *from, uint8_t *to, int64_t stride,
                           int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * stride * int64_t(sizeof(T)),
                from + i * int64_t(sizeof(T)), sizeof(T));
}

/// Elements at a stride next to each other.
static void pick(int width, const uint8_t *from, int64_t stride, uint8_t *to,
                 int64_t count) {
  if (width == 4)
    pickElements<uint32_t>(from, stride, to, count);
  else if (width == 2)
    pickElements<uint16_t>(from, stride, to, count);
  else
    pickElements<uint8_t>(from, stride, to, count);
}
static void spread(int width, const uint8_t *from, uint8_t *to, int64_t stride,
                   int64_t count) {
  if (width == 4)
    spreadElements<uint32_t>(from, to, stride, count);
  else if (width == 2)
    spreadElements<uint16_t>(from, to, stride, count);
  else
    spreadElements<uint8_t>(from, to, stride, count);
}

void CpuDatapath::loadFloats(const View &view, float *to) {
  if (view.elements() == 0)
    return;
  const uint8_t *base = begin(view);
  View rows = merged(view);
  int last = rows.rank - 1, bits = bitsOf(view.type);
  // Halves of bytes only where rows are whole bytes.
  bool even = bits >= 8;
  if (!even && rows.strides[last] == 1) {
    even = last == 0 || rows.sizes[last] % 2 == 0;
    for (int axis = 0; axis < last; ++axis)
      even &= rows.strides[axis] % 2 == 0;
  }
  if (!base || !even) {
    std::vector<float> values;
    load(view, values);
    std::memcpy(to, values.data(), values.size() * sizeof(float));
    return;
  }
  auto convert = kernels.load[int(view.type)];
  forEachRow(rows, [&](int64_t offset, int64_t count, int64_t stride) {
    const uint8_t *from = base + offset * bits / 8;
    if (stride == 1) {
      convert(from, to, count);
    } else if (stride == 0) {
      convert(from, to, 1);
      std::fill(to + 1, to + count, *to);
    } else {
      codes.resize(size_t(count * bits / 8));
      pick(bits / 8, from, stride, codes.data(), count);
      convert(codes.data(), to, count);
    }
    to += count;
  });
}

void CpuDatapath::storeFloats(const View &view, const float *from) {
  if (view.elements() == 0)
    return;
  uint8_t *base = begin(view);
  auto convert = kernels.store[int(view.type)];
  if (!base || !convert)
    return store(view, std::vector<float>(from, from + view.elements()));
  int width = bitsOf(view.type) / 8;
  forEachRow(merged(view), [&](int64_t offset, int64_t count, int64_t stride) {
    uint8_t *to = base + offset * width;
    if (stride == 1) {
      convert(from, to, count);
    } else {
      codes.resize(size_t(count * width));
      convert(from, codes.data(), count);
      spread(width, codes.data(), to, stride, count);
    }
    from += count;
  });
}

namespace {
struct CopyAxis {
  int64_t size, to, from; ///< strides
};
} // namespace

/// Dimensions of a copy, the smallest stride of the target last, merged where
/// both sides go on.
static int copyAxes(const View &dst, const View &a, CopyAxis *axes) {
  int count = 0;
  for (int axis = 0; axis < dst.rank; ++axis) {
    CopyAxis next{dst.sizes[axis], dst.strides[axis], a.strides[axis]};
    if (next.size == 1)
      continue;
    int at = count++;
    for (; at > 0 && std::abs(axes[at - 1].to) < std::abs(next.to); --at)
      axes[at] = axes[at - 1];
    axes[at] = next;
  }
  int merged = 0;
  for (int axis = 0; axis < count; ++axis) {
    CopyAxis next = axes[axis];
    if (merged && axes[merged - 1].to == next.to * next.size &&
        axes[merged - 1].from == next.from * next.size) {
      next.size *= axes[merged - 1].size;
      --merged;
    }
    axes[merged++] = next;
  }
  if (merged == 0)
    axes[merged++] = {1, 1, 1};
  return merged;
}

bool CpuDatapath::fastCopy(const View &dst, const View &a) {
  if (dst.elements() == 0)
    return true;
  uint8_t *to = begin(dst);
  const uint8_t *from = begin(a);
  if (!to || !from)
    return false;
  CopyAxis axes[maxRank];
  int count = copyAxes(dst, a, axes), width = bitsOf(dst.type) / 8;
  CopyAxis &inner = axes[count - 1];
  if (width == 0) {
    // Whole bytes of two elements.
    bool even = inner.to == 1 && inner.from == 1 && inner.size % 2 == 0;
    for (int axis = 0; axis + 1 < count; ++axis)
      even &= axes[axis].to % 2 == 0 && axes[axis].from % 2 == 0;
    if (!even)
      return false;
    for (int axis = 0; axis + 1 < count; ++axis)
      axes[axis].to /= 2, axes[axis].from /= 2;
    inner.size /= 2;
    width = 1;
  }
  std::array<int64_t, maxRank> index{};
  while (true) {
    if (inner.to == 1 && inner.from == 1) {
      std::memcpy(to, from, size_t(inner.size * width));
    } else if (inner.to == 1) {
      pick(width, from, inner.from, to, inner.size);
    } else {
      codes.resize(size_t(inner.size * width));
      pick(width, from, inner.from, codes.data(), inner.size);
      spread(width, codes.data(), to, inner.to, inner.size);
    }
    int axis = count - 2;
    for (; axis >= 0; --axis) {
      to += axes[axis].to * width, from += axes[axis].from * width;
      if (++index[size_t(axis)] < axes[axis].size)
        break;
      to -= axes[axis].to * axes[axis].size * width;
      from -= axes[axis].from * axes[axis].size * width;
      index[size_t(axis)] = 0;
    }
    if (axis < 0)
      return true;
  }
}
