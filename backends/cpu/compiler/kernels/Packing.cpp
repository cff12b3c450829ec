//===- Packing.cpp - Operands in the micro-kernel's order -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Packing.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

void cpu::packRows(KernelContext &k, VectorBuilder &v, Value from, Value ldFrom,
                   Value rows, Value cols, Value to, Value ldTo) {
  k.forLoop(k.index(0), rows, k.index(1), [&](Value r) {
    copyFloats(k, v, v.at(from, k.mulI(r, ldFrom)), v.at(to, k.mulI(r, ldTo)),
               cols);
  });
}

/// Transposes a square of vectors in place by exchanging halves: in step d,
/// lane l of row i goes to lane l^d of row i^d where bits d of l and i differ.
static void transposeSquare(VectorBuilder &v, SmallVectorImpl<Value> &rows) {
  int64_t lanes = v.lanes;
  for (int64_t d = 1; d < lanes; d *= 2) {
    SmallVector<int64_t> low(lanes), high(lanes);
    for (int64_t l = 0; l < lanes; ++l) {
      bool upper = l & d;
      low[l] = upper ? lanes + l - d : l;
      high[l] = upper ? lanes + l : l + d;
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if (i & d)
        continue;
      Value a = rows[i], b = rows[i + d];
      rows[i] = v.shuffle(a, b, low);
      rows[i + d] = v.shuffle(a, b, high);
    }
  }
}

void cpu::packTransposed(KernelContext &k, VectorBuilder &v, Value from,
                         Value ldFrom, Value rows, Value cols, Value to,
                         Value ldTo) {
  Value zero = k.index(0), one = k.index(1), lanes = k.index(v.lanes);
  Value whole = k.mulI(k.divI(cols, lanes), lanes);
  Value lastRow = k.subI(rows, one);
  k.forLoop(zero, rows, lanes, [&](Value r) {
    // Rows past the end repeat the last one; nobody looks at the result.
    SmallVector<Value> pointers;
    for (unsigned i = 0; i < v.lanes; ++i)
      pointers.push_back(
          v.at(from, k.mulI(k.minI(k.addI(r, k.index(i)), lastRow), ldFrom)));
    k.forLoop(zero, whole, lanes, [&](Value c) {
      SmallVector<Value> square;
      for (Value pointer : pointers)
        square.push_back(v.load(v.at(pointer, c)));
      transposeSquare(v, square);
      for (auto [i, vector] : llvm::enumerate(square))
        v.store(vector, v.at(v.at(to, k.mulI(k.addI(c, k.index(i)), ldTo)), r));
    });
    Value end = k.minI(k.addI(r, lanes), rows);
    k.forLoop(whole, cols, one, [&](Value c) {
      Value target = v.at(to, k.mulI(c, ldTo));
      k.forLoop(r, end, one, [&](Value i) {
        Value source = v.at(v.at(from, k.mulI(i, ldFrom)), c);
        v.storeScalar(v.loadScalar(source), v.at(target, i));
      });
    });
  });
}

void cpu::packElements(KernelContext &k, const ElementAt &element, Value rows,
                       Value cols, Value to, Value ldTo) {
  Value zero = k.index(0), one = k.index(1);
  k.forLoop(zero, rows, one, [&](Value r) {
    Value start = k.mulI(r, ldTo);
    k.forLoop(zero, cols, one, [&](Value c) {
      if (Value value = element(r, c))
        k.store(value, to, k.b.getF32Type(), k.addI(start, c));
    });
  });
}
