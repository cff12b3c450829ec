//===- Pack.cpp - Places for slices with lifetimes ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/hbm/Packing.h"
#include "lib/memory/planner/StackOrder.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::hbm;

//===----------------------------------------------------------------------===//
// Form
//===----------------------------------------------------------------------===//

ParseResult PackOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &b = parser.getBuilder();
  StringAttr space;
  SmallVector<OpAsmParser::UnresolvedOperand> sizes;
  SmallVector<int64_t> first, last, align, upto;
  auto slice = [&]() -> ParseResult {
    if (parser.parseLSquare() || parser.parseInteger(first.emplace_back()) ||
        parser.parseComma() || parser.parseInteger(last.emplace_back()) ||
        parser.parseRParen() || parser.parseOperand(sizes.emplace_back()) ||
        parser.parseKeyword("align") ||
        parser.parseInteger(align.emplace_back()))
      return failure();
    if (succeeded(parser.parseOptionalKeyword("upto")))
      return parser.parseInteger(upto.emplace_back());
    return success();
  };
  SMLoc start = parser.getCurrentLocation();
  if (parser.parseAttribute(space, "space", result.attributes) ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Braces, slice) ||
      parser.parseOptionalAttrDict(result.attributes) ||
      parser.resolveOperands(sizes, b.getIndexType(), result.operands))
    return failure();
  if (!upto.empty() && upto.size() != sizes.size())
    return parser.emitError(start, "either all slices say `upto`, or none");
  result.addAttribute("first", b.getDenseI64ArrayAttr(first));
  result.addAttribute("last", b.getDenseI64ArrayAttr(last));
  result.addAttribute("align", b.getDenseI64ArrayAttr(align));
  if (!upto.empty())
    result.addAttribute("upto", b.getDenseI64ArrayAttr(upto));
  result.addTypes(SmallVector<Type>(sizes.size() + 1, b.getIndexType()));
  return success();
}

void PackOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getSpaceAttr() << " {";
  for (auto [i, size] : llvm::enumerate(getSizes())) {
    printer << (i ? "," : "");
    printer.printNewline();
    printer << "  [" << getFirst()[i] << ", " << getLast()[i] << ") " << size
            << " align " << getAlign()[i];
    if (getUpto())
      printer << " upto " << (*getUpto())[i];
  }
  printer.printNewline();
  printer << "}";
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"space", "first", "last", "align", "upto"});
}

LogicalResult PackOp::verify() {
  size_t slices = getSizes().size();
  if (getFirst().size() != slices || getLast().size() != slices ||
      getAlign().size() != slices || getOffsets().size() != slices ||
      (getUpto() && getUpto()->size() != slices))
    return emitOpError("says not the same number of slices everywhere");
  for (size_t i = 0; i < slices; ++i) {
    if (getFirst()[i] >= getLast()[i])
      return emitOpError("slice ") << i << ": lifetime [" << getFirst()[i]
                                   << ", " << getLast()[i] << ") is empty";
    if (getAlign()[i] <= 0 || !llvm::isPowerOf2_64(getAlign()[i]))
      return emitOpError("slice ")
             << i << ": alignment " << getAlign()[i] << " is no power of two";
    if (getUpto() && (*getUpto())[i] < 0)
      return emitOpError("slice ") << i << ": planned for a negative size";
    auto size = getConstantIntValue(getSizes()[i]);
    if (size && *size < 0)
      return emitOpError("slice ") << i << ": a negative size";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

bool hbm::plannedSizes(PackOp pack, SmallVectorImpl<int64_t> &sizes) {
  for (auto [i, value] : llvm::enumerate(pack.getSizes())) {
    if (auto number = getConstantIntValue(value))
      sizes.push_back(*number);
    else if (pack.getUpto())
      sizes.push_back((*pack.getUpto())[i]);
    else
      return false;
  }
  return true;
}

memory::Problem hbm::problemOf(PackOp pack, ArrayRef<int64_t> sizes) {
  memory::Problem problem;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    memory::Buffer buffer;
    buffer.lower = pack.getFirst()[i];
    buffer.upper = pack.getLast()[i];
    buffer.size = size;
    buffer.alignment = pack.getAlign()[i];
    problem.buffers.push_back(std::move(buffer));
  }
  return problem;
}

LogicalResult PackOp::fold(FoldAdaptor adaptor,
                           SmallVectorImpl<OpFoldResult> &results) {
  SmallVector<int64_t> sizes;
  for (Attribute size : adaptor.getSizes()) {
    auto number = dyn_cast_or_null<IntegerAttr>(size);
    if (!number || number.getValue().isNegative())
      return failure();
    sizes.push_back(number.getInt());
  }
  memory::Problem problem = problemOf(*this, sizes);
  memory::Plan plan = memory::allocate(problem);
  if (!memory::verify(problem, plan).empty())
    return failure(); // sums beyond 64 bits
  Builder b(getContext());
  results.push_back(b.getIndexAttr(plan.peak));
  for (uint64_t offset : plan.offsets)
    results.push_back(b.getIndexAttr(offset));
  return success();
}

void hbm::expandPack(RewriterBase &rewriter, PackOp pack,
                     const memory::Problem &problem, const memory::Plan &plan) {
  Location loc = pack.getLoc();
  rewriter.setInsertionPoint(pack);
  Value zero = rewriter.create<arith::ConstantIndexOp>(loc, 0);
  auto largest = [&](Value a, Value b) -> Value {
    if (!a || a == b)
      return b;
    return rewriter.createOrFold<arith::MaxSIOp>(loc, a, b);
  };
  memory::StackOrder order = memory::order(problem, plan);
  SmallVector<Value> offsets(problem.buffers.size()), ends(offsets.size());
  std::vector<bool> isCovered(offsets.size());
  for (uint32_t i : order.sequence) {
    Value offset;
    for (uint32_t below : order.below[i]) {
      offset = largest(offset, ends[below]);
      isCovered[below] = true;
    }
    if (offset)
      offset = rewriter.createOrFold<AlignOp>(loc, offset, pack.getAlign()[i]);
    offsets[i] = offset ? offset : zero;
    ends[i] = offset ? rewriter.createOrFold<arith::AddIOp>(loc, offset,
                                                            pack.getSizes()[i])
                     : pack.getSizes()[i];
  }
  // What something rests on ends below that.
  Value peak;
  for (size_t i = 0; i < ends.size(); ++i)
    if (!isCovered[i])
      peak = largest(peak, ends[i]);
  SmallVector<Value> results{peak ? peak : zero};
  results.append(offsets);
  rewriter.replaceOp(pack, results);
}

namespace {
/// Planned at the bounds of its sizes.
struct ExpandPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PackOp pack,
                                PatternRewriter &rewriter) const override {
    SmallVector<int64_t> sizes;
    if (!plannedSizes(pack, sizes))
      return rewriter.notifyMatchFailure(pack, "a size without bound");
    memory::Problem problem = problemOf(pack, sizes);
    memory::Plan plan = memory::allocate(problem);
    if (!memory::verify(problem, plan).empty())
      return rewriter.notifyMatchFailure(pack, "sums beyond 64 bits");
    expandPack(rewriter, pack, problem, plan);
    return success();
  }
};
} // namespace

void PackOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<ExpandPack>(context);
}
