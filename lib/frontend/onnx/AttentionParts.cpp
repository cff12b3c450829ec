//===- AttentionParts.cpp - What attention ops share ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"

#include <cmath>

using namespace mlir;
using llvm::StringRef;

namespace narae::onnx {

Value splitHeads(const Node &n, Value value, int64_t heads, StringRef what) {
  if (!value)
    return {};
  if (heads < 1) {
    n.error() << "the number of heads of " << what << " must be given, as an "
              << "attribute, where it has three dimensions";
    return {};
  }
  int64_t hidden = staticDim(value, 2);
  if (hidden >= 0 && hidden % heads) {
    n.error() << what << " has " << hidden << " elements a token, which do "
              << "not divide into " << heads << " heads";
    return {};
  }
  Value size = dimArith(n, DimOp::Div, dimOf(n, value, 2), heads);
  return reshapeTo(n, value,
                   {dimsOf(n, value, 0, 2), constDim(n, heads), size});
}

Value mergeHeads(const Node &n, Value value) {
  if (!value)
    return {};
  return reshapeTo(n, value,
                   {dimsOf(n, value, 0, 2), dimProduct(n, value, 2, 4)});
}

Value scaleByHead(const Node &n, Value value, Value size, double scale) {
  if (!value || !size || scale != 0)
    return mulConst(n, value, scale);
  if (auto known = n.scope.constants(size); known && (*known)[0] > 0)
    return mulConst(n, value, 1 / std::sqrt(double((*known)[0])));
  Value factor = n.make<fm::SqrtOp>(n.cast(size, n.b.getF32Type()));
  factor = n.make<fm::ReciprocalOp>(factor);
  return n.make<fm::MulOp>(value, n.cast(factor, elementOf(value)));
}

double headScale(const Node &n, Value &query, double scale) {
  if (!query || scale != 0)
    return scale;
  if (int64_t size = staticDim(query, 3); size > 0)
    return 1 / std::sqrt(double(size));
  query = scaleByHead(n, query, dimOf(n, query, 3), 0);
  return 1;
}

Value repeatHeads(const Node &n, Value value, Value query) {
  if (!value || !query || sameDim(n, value, 1, query, 1))
    return value;
  Value batch = dimOf(n, value, 0), groups = dimOf(n, value, 1),
        heads = dimOf(n, query, 1), rest = dimsOf(n, value, 2, 4);
  Value repeats = dimArith(n, DimOp::Div, heads, groups);
  Value wide =
      broadcastTo(n, n.unsqueeze(value, {2}), {batch, groups, repeats, rest});
  return reshapeTo(n, wide, {batch, heads, rest});
}

Maybe visible(const Node &n, const Positions &p) {
  if (!p.causal && p.left < 0 && p.right < 0)
    return {};
  Type i64 = n.b.getI64Type();
  Value one = constDim(n, 1);
  Value query = n.make<fm::AddOp>(iota(n, {p.queries, one}, 0, i64), p.offset);
  Value key = iota(n, {one, p.keys}, 1, i64);
  Value ahead = n.make<fm::SubOp>(key, query);
  Value seen;
  auto bound = [&](StringRef predicate, int64_t limit) {
    Value part = compare(n, ahead, predicate, double(limit));
    seen = seen ? n.make<fm::AndOp>(seen, part) : part;
  };
  if (p.causal || p.right >= 0)
    bound("le", p.causal ? 0 : p.right);
  if (p.left >= 0)
    bound("ge", -p.left);
  return {seen};
}

Value additive(const Node &n, Value condition, Type type) {
  return select(n, condition, n.constScalar(0, type),
                n.constScalar(-INFINITY, type));
}

Value rotate(const Node &n, Value x, Value cosines, Value sines, Maybe size,
             bool interleaved) {
  if (!x || !cosines || !sines)
    return {};
  Type type = elementOf(x), wide = wideType(type);
  int64_t last = rankOf(x) - 1;
  Value start = constDim(n, 0), end = constDim(n, INT64_MAX);
  Value part = size.value ? sliceDims(n, x, last, start, size) : x;
  part = n.cast(part, wide);
  if (!part)
    return {};
  Value a, b;
  if (interleaved) {
    a = sliceStep(n, part, last, 0, 2);
    b = sliceStep(n, part, last, 1, 2);
  } else {
    Value half = dimArith(n, DimOp::Div, dimOf(n, part, last), 2);
    a = sliceDims(n, part, last, start, half);
    b = sliceDims(n, part, last, half, end);
  }
  Value c = n.cast(cosines, wide), s = n.cast(sines, wide);
  Value real =
      n.make<fm::SubOp>(n.make<fm::MulOp>(c, a), n.make<fm::MulOp>(s, b));
  Value imaginary =
      n.make<fm::AddOp>(n.make<fm::MulOp>(s, a), n.make<fm::MulOp>(c, b));
  Value y;
  if (interleaved) {
    Value pairs = concat(
        n, {n.unsqueeze(real, {last + 1}), n.unsqueeze(imaginary, {last + 1})},
        last + 1);
    y = reshapeLike(n, pairs, part);
  } else {
    y = concat(n, {real, imaginary}, last);
  }
  y = y ? n.cast(y, type) : Value();
  if (!size.value)
    return y;
  return concat(n, {y, sliceDims(n, x, last, size, end)}, last);
}

} // namespace narae::onnx
