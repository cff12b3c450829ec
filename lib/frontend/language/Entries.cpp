//===- Entries.cpp - The entry points of a language model -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Entries.h"

#include "lib/frontend/language/Graph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

static const char *entryName(EntryKind kind) {
  switch (kind) {
  case EntryKind::Prefill:
    return "prefill";
  case EntryKind::Decode:
    return "decode";
  case EntryKind::Score:
    return "score";
  }
  llvm_unreachable("an entry");
}

/// An argument's or result's name and the names of its dimensions.
static DictionaryAttr attributes(Builder &b, StringRef name,
                                 ArrayRef<StringRef> dims,
                                 std::optional<int64_t> maxTokens = {}) {
  SmallVector<NamedAttribute> list;
  SmallVector<Attribute> bounds;
  for (StringRef dim : dims) {
    bool tokens = dim == "tokens" && maxTokens;
    bounds.push_back(b.getI64IntegerAttr(tokens ? 1 : 0));
    bounds.push_back(b.getI64IntegerAttr(tokens ? *maxTokens : -1));
  }
  if (maxTokens)
    list.push_back(b.getNamedAttr("fm.bounds", b.getArrayAttr(bounds)));
  list.push_back(b.getNamedAttr("fm.dims", b.getStrArrayAttr(dims)));
  list.push_back(b.getNamedAttr("fm.name", b.getStringAttr(name)));
  return b.getDictionaryAttr(list);
}

/// Sets what blocks use of the arguments: sizes and positions.
static void bindArguments(Graph &g, Value tokens, Value start, Value lengths) {
  auto type = cast<RankedTensorType>(tokens.getType());
  g.batch = type.getDimSize(0);
  g.start = start;
  g.lengths = lengths;
  Graph::At at(g, "positions", "rope");
  if (type.hasStaticShape())
    g.tokenDim = g.ints({type.getDimSize(1)});
  else
    g.tokenDim =
        g.make<fm::ShapeOfOp>(tokens, uint64_t(1), g.b.getI64IntegerAttr(2));
  g.rowDim =
      g.batch == 1 ? g.tokenDim : g.product(g.tokenDim, g.ints({g.batch}));
  if (type.hasStaticShape())
    g.rowDim = g.ints({g.batch * type.getDimSize(1)});
  Value one = g.ints({1});
  Value shape = g.join(one, g.tokenDim, 0);
  Value steps = g.make<fm::IotaOp>(shape, uint64_t(1), Type(g.b.getI64Type()));
  g.positions = g.sum(g.unsqueeze(start, 1), steps);
}

static Value embed(Graph &g, const LanguageModel &model, Value tokens) {
  Graph::At at(g, blockName(model.embedding), "embedding");
  Value table;
  switch (model.embedding.storage) {
  case Storage::F32:
  case Storage::F16:
  case Storage::BF16:
    table = g.raw(model.embedding);
    break;
  default:
    table = g.weight(model.embedding);
  }
  Value x = g.make<fm::GatherOp>(table, tokens, uint64_t(0));
  x = g.cast(x, g.b.getF32Type());
  return g.times(g.merge(x, {model.hidden}), model.embeddingMultiplier);
}

/// The row of each sequence's last token: [N, hidden] to [B, hidden].
static Value lastRows(Graph &g, Value x, int64_t hidden) {
  Graph::At at(g, "lengths", "last token");
  Value last = g.make<fm::MaxOp>(g.lengths, g.ints({1}));
  last = g.unsqueeze(g.make<fm::SubOp>(last, g.ints({1})), 1);
  return g.make<fm::GatherNdOp>(g.split(x, {hidden}), last, uint64_t(1));
}

static Value buildHead(Graph &g, const LanguageModel &model, Value x) {
  x = buildNorm(g, model.norm, x);
  Value y =
      model.head ? g.linear(x, *model.head) : g.linear(x, model.embedding);
  Graph::At at(g, blockName(model.head ? model.head->weight : model.embedding),
               "head");
  return g.times(y, model.logitsMultiplier);
}

void language::buildEntry(EntryKind kind, ModuleOp module,
                          const LanguageModel &model,
                          const BuildOptions &options,
                          ArrayRef<LayerCaches> caches, Weights &weights) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  bool decode = kind == EntryKind::Decode, score = kind == EntryKind::Score;
  int64_t chunk = options.prefillChunk;
  // A chunk of one token is static too: 1..1 is 1.
  bool oneToken = decode || chunk == 1;
  auto tokensType = RankedTensorType::get(
      {options.batch, oneToken ? 1 : ShapedType::kDynamic}, b.getI64Type());
  auto each = RankedTensorType::get({options.batch}, b.getI64Type());
  std::optional<int64_t> bound;
  if (!oneToken)
    bound = chunk;
  StringRef tokensDim = oneToken ? "" : "tokens";
  SmallVector<DictionaryAttr> argAttrs{
      attributes(b, "tokens", {"", tokensDim}, bound),
      attributes(b, "start", {""}), attributes(b, "lengths", {""})};
  auto func =
      b.create<func::FuncOp>(module.getLoc(), entryName(kind),
                             b.getFunctionType({tokensType, each, each}, {}),
                             ArrayRef<NamedAttribute>(), argAttrs);
  Block *block = func.addEntryBlock();
  b.setInsertionPointToStart(block);
  Graph g(b, module.getLoc(), weights);
  bindArguments(g, block->getArgument(0), block->getArgument(1),
                block->getArgument(2));
  Value x = embed(g, model, block->getArgument(0));
  for (size_t i = 0; i < model.layers.size() && x; ++i)
    x = buildLayer(g, model.layers[i], caches[i], x);
  if (!score && !oneToken)
    x = lastRows(g, x, model.hidden);
  Value logits = buildHead(g, model, x);
  if (score)
    logits = g.split(logits, {model.vocabulary});
  if (!logits)
    return;
  b.create<func::ReturnOp>(module.getLoc(), logits);
  func.setFunctionType(
      b.getFunctionType({tokensType, each, each}, TypeRange(logits.getType())));
  SmallVector<StringRef> dims{"", "vocabulary"};
  if (score)
    dims.insert(dims.begin() + 1, "tokens");
  func.setResultAttrs(0, attributes(b, "logits", dims));
}
