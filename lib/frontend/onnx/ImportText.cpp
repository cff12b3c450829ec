//===- ImportText.cpp - Ops on strings ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Text.h"

#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/ShapeParts.h"
#include "lib/text/Regex.h"

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

static Value constText(const Node &n, ArrayRef<std::string> values,
                       ArrayRef<int64_t> shape) {
  TensorData data;
  data.type =
      RankedTensorType::get(shape, fm::StringType::get(n.b.getContext()));
  data.strings.assign(values.begin(), values.end());
  return n.graph.tensorValue(std::move(data), n.proto.name(), nullptr, n.loc);
}

Value constStrings(const Node &n, ArrayRef<std::string> values) {
  return constText(n, values, int64_t(values.size()));
}
Value constString(const Node &n, StringRef value) {
  return constText(n, value.str(), {});
}

Value textOf(const Node &n, StringRef function, ArrayRef<Value> inputs, Type to,
             StringRef pattern, int64_t limit) {
  if (llvm::is_contained(inputs, Value()))
    return {};
  return n.make<fm::TextOp>(ValueRange(inputs), function, to, pattern,
                            uint64_t(limit));
}

Value castText(const Node &n, Value value, Type to) {
  if (!value)
    return {};
  Type from = elementOf(value);
  Type f32 = n.b.getF32Type(), f64 = n.b.getF64Type(), i64 = n.b.getI64Type();
  Type ui64 = n.b.getIntegerType(64, /*isSigned=*/false);
  // The types that the host reads and writes, nearest to the one wanted.
  auto hostType = [&](Type type, Type floats) -> Type {
    if (type == f32 || type == f64)
      return type;
    if (type.isUnsignedInteger())
      return ui64;
    return type.isInteger() ? i64 : floats;
  };
  if (fm::isString(from)) {
    bool isBool = to.isInteger(1);
    Type host = isBool ? f64 : hostType(to, f64);
    return n.cast(textOf(n, "parse", value, host), to);
  }
  Type host = from.isInteger(1) ? from : hostType(from, f32);
  return textOf(n, "format", n.cast(value, host), to);
}

static LogicalResult checkText(const Node &n, unsigned input) {
  if (fm::isString(n.elem(input)))
    return success();
  return n.error() << n.opType() << " takes strings, but input " << input
                   << " has elements of type " << n.elem(input);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static LogicalResult stringConcat(Node &n) {
  if (failed(checkText(n, 0)) || failed(checkText(n, 1)))
    return failure();
  Value a = n.input(0), b = n.input(1);
  if (a.getType() != b.getType() || !n.type(0).hasStaticShape()) {
    Value shape = n.shapeOf(a);
    a = n.make<fm::BroadcastOp>(a, n.shapeOf(b));
    b = n.make<fm::BroadcastOp>(b, shape);
  }
  return n.setOutput(0, textOf(n, "concat", {a, b}, n.elem(0)));
}

/// The parts of each string along a new last dimension, and their number.
static LogicalResult stringSplit(Node &n) {
  if (failed(checkText(n, 0)))
    return failure();
  Value x = n.input(0);
  int64_t rank = n.rank(0);
  std::string delimiter = n.strAttr("delimiter", "");
  int64_t limit = n.has("maxsplit") ? n.intAttr("maxsplit", -1) : -1;
  Value counts = textOf(n, "count", x, n.b.getI64Type(), delimiter, limit);
  Value most =
      rank ? n.reduce("max", counts, axesFrom(0, rank), false) : counts;
  most = n.make<fm::MaxOp>(most, n.constInt(0)); // of an empty tensor
  Value shape = concat(n, {n.shapeOf(x), asDim(n, most)}, 0);
  Value parts =
      n.make<fm::TextSplitOp>(x, shape, StringRef(delimiter), uint64_t(limit));
  if (failed(n.setOutput(0, parts)))
    return failure();
  return n.setOutput(1, counts);
}

static LogicalResult regexFullMatch(Node &n) {
  if (failed(checkText(n, 0)))
    return failure();
  std::string pattern = n.strAttr("pattern", "");
  if (pattern.find('\0') != std::string::npos)
    return n.error() << "the pattern contains a zero character";
  if (auto regex = str::Regex::compile(pattern); regex.failed())
    return n.error() << regex.message();
  return n.setOutput(0,
                     textOf(n, "match", n.input(0), n.b.getI1Type(), pattern));
}

/// Drops stop words and changes the case of the others. What is left, at least
/// one empty string, is a list.
static LogicalResult stringNormalizer(Node &n) {
  if (failed(checkText(n, 0)) || failed(checkRank(n, 0, 1, 2)))
    return failure();
  bool isRow = n.rank(0) == 2;
  if (isRow && staticDim(n.input(0), 0) != 1 && !n.type(0).isDynamicDim(0))
    return n.error() << "StringNormalizer takes a list of strings, or one row "
                        "of them, not "
                     << n.type(0);
  std::string action = n.strAttr("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    return n.error() << "case_change_action is '" << action
                     << "'; it is LOWER, UPPER or NONE";
  // Letters have one other case in all languages but these.
  StringRef language = StringRef(n.strAttr("locale", "")).take_front(2);
  for (StringRef other : {"tr", "az", "lt"})
    if (language == other && action != "NONE")
      return n.error() << "the letters of locale '" << other
                       << "' are not supported; all others are";
  Type string = n.elem(0);
  Value x = isRow ? n.squeeze(n.input(0), {0}) : n.input(0);
  auto inCase = [&](Value value) {
    return action == "NONE" ? value
                            : textOf(n, action == "LOWER" ? "lower" : "upper",
                                     value, string);
  };
  std::vector<std::string> words;
  for (std::string &word : n.strsAttr("stopwords"))
    words.push_back(std::move(word));
  if (words.empty()) {
    x = inCase(x);
    return n.setOutput(0, isRow ? n.unsqueeze(x, {0}) : x);
  }
  Value have = x, stop = constStrings(n, words);
  if (!n.intAttr("is_case_sensitive", 0)) {
    have = textOf(n, "lower", have, string);
    stop = textOf(n, "lower", stop, string);
  }
  Value equal = compare(n, n.unsqueeze(have, {1}), "eq", stop);
  Value keep = n.make<fm::NotOp>(n.reduce("any", equal, {1}, false));
  Value which = trueIndices(n, keep);
  if (!which)
    return failure();
  Value kept =
      n.make<fm::GatherOp>(inCase(x), n.squeeze(which, {0}), uint64_t(0));
  Value count = dimArith(n, DimOp::Max, dimOf(n, kept, 0), 1);
  Value filled = concat(n, {kept, constStrings(n, std::string())}, 0);
  Value y = prefix(n, filled, 0, count);
  return n.setOutput(0, isRow ? n.unsqueeze(y, {0}) : y);
}

//===----------------------------------------------------------------------===//
// TfIdfVectorizer
//===----------------------------------------------------------------------===//

namespace {
/// The attributes of the op, in one form.
struct Grams {
  SmallVector<int64_t> begins; ///< in the pool, of each length from 1 on
  SmallVector<int64_t> places; ///< in the result, of each gram
  int64_t least, most, skips;
};
} // namespace

/// Whether windows of the grams of one length match: [N, windows, grams]. The
/// elements of a window are `step` apart.
static Value matches(const Node &n, Value x, Value pool, int64_t first,
                     int64_t grams, int64_t length, int64_t step) {
  Value all;
  for (int64_t j = 0; j < length; ++j) {
    int64_t behind = (length - 1 - j) * step;
    Value window = n.slice(x, 1, j * step, behind ? -behind : INT64_MAX);
    Value gram = n.make<fm::SliceOp>(
        pool, n.constInts(first + j), n.constInts(first + grams * length),
        ArrayRef<int64_t>(0), ArrayRef<int64_t>(length));
    Value equal = compare(n, n.unsqueeze(window, {2}), "eq", gram);
    all = all ? n.make<fm::AndOp>(all, equal) : equal;
  }
  return all;
}

/// How often each gram of the pool is in each row: [N, grams], f32.
static Value countGrams(const Node &n, Value x, Value pool, const Grams &g) {
  Values columns;
  Type f32 = n.b.getF32Type();
  int64_t size = staticDim(pool, 0);
  for (int64_t length = 1; length <= int64_t(g.begins.size()); ++length) {
    int64_t begin = g.begins[length - 1];
    int64_t end = length < int64_t(g.begins.size()) ? g.begins[length] : size;
    int64_t grams = (end - begin) / length;
    if (!grams)
      continue;
    Value counts;
    // Neighbours first; single elements have none.
    bool wanted = length >= g.least && length <= g.most;
    for (int64_t s = 0; wanted && s <= (length > 1 ? g.skips : 0); ++s) {
      Value found = matches(n, x, pool, begin, grams, length, s + 1);
      Value sum = n.reduce("sum", n.cast(found, f32), {1}, false);
      counts = counts ? n.make<fm::AddOp>(counts, sum) : sum;
    }
    if (!wanted)
      counts = filled(n, {dimOf(n, x, 0), constDim(n, grams)}, 0, f32);
    columns.push_back(counts);
  }
  return concat(n, columns, 1);
}

static LogicalResult readGrams(const Node &n, int64_t size, Grams &g) {
  g.begins = n.intsAttr("ngram_counts");
  g.places = n.intsAttr("ngram_indexes");
  g.least = n.intAttr("min_gram_length", 1);
  g.most = n.intAttr("max_gram_length", 1);
  g.skips = n.intAttr("max_skip_count", 0);
  int64_t grams = 0;
  bool ordered = !g.begins.empty() && g.begins[0] == 0;
  for (size_t i = 0; ordered && i < g.begins.size(); ++i) {
    int64_t end = i + 1 < g.begins.size() ? g.begins[i + 1] : size;
    ordered = end >= g.begins[i] && (end - g.begins[i]) % (i + 1) == 0;
    grams += (end - g.begins[i]) / int64_t(i + 1);
  }
  if (!ordered || int64_t(g.places.size()) != grams || grams == 0)
    return n.error() << "ngram_counts and ngram_indexes do not fit a pool of "
                     << size << " elements";
  if (g.least < 1 || g.most < g.least || g.skips < 0 || g.skips > 1000)
    return n.error() << "min_gram_length, max_gram_length or max_skip_count "
                        "are out of range";
  llvm::DenseSet<int64_t> seen;
  for (int64_t place : g.places)
    if (place < 0 || place >= (1 << 24) || !seen.insert(place).second)
      return n.error() << "ngram_indexes must be different, and not negative";
  return success();
}

static LogicalResult tfIdf(Node &n) {
  std::string mode = n.strAttr("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return n.error() << "TfIdfVectorizer has the mode '" << mode
                     << "'; it is TF, IDF or TFIDF";
  bool isText = n.has("pool_strings");
  Value x = n.input(0), pool;
  if (isText) {
    if (failed(checkText(n, 0)))
      return failure();
    SmallVector<std::string> words = n.strsAttr("pool_strings");
    pool = constStrings(n, words);
  } else {
    x = n.cast(x, n.b.getI64Type());
    pool = n.constInts(n.intsAttr("pool_int64s"));
  }
  Grams g;
  if (failed(checkRank(n, 0, 1, 2)) || !x || !pool ||
      failed(readGrams(n, staticDim(pool, 0), g)))
    return failure();
  Value rows = n.rank(0) == 1 ? n.unsqueeze(x, {0}) : x;
  Value y = countGrams(n, rows, pool, g);
  if (mode == "IDF")
    y = n.cast(compare(n, y, "gt", 0.0), n.b.getF32Type());
  if (mode != "TF" && n.has("weights")) {
    SmallVector<float> weights;
    for (double weight : n.floatsAttr("weights"))
      weights.push_back(float(weight));
    if (weights.size() != g.places.size())
      return n.error() << "there are " << weights.size() << " weights for "
                       << g.places.size() << " n-grams";
    auto type =
        RankedTensorType::get(int64_t(weights.size()), n.b.getF32Type());
    y = n.make<fm::MulOp>(
        y, n.make<fm::ConstantOp>(mlir::cast<ElementsAttr>(
               DenseElementsAttr::get(type, ArrayRef<float>(weights)))));
  }
  // Column i of the result is that of the gram whose place it is, or 0.
  int64_t width = *llvm::max_element(g.places) + 1;
  SmallVector<int64_t> source(width, int64_t(g.places.size()));
  for (auto [gram, place] : llvm::enumerate(g.places))
    source[place] = gram;
  Value zero =
      y ? filled(n, {dimOf(n, y, 0), constDim(n, 1)}, 0, n.b.getF32Type())
        : Value();
  y = n.make<fm::GatherOp>(y ? concat(n, {y, zero}, 1) : y, n.constInts(source),
                           uint64_t(1));
  return n.setOutput(0, n.rank(0) == 1 ? n.squeeze(y, {0}) : y);
}

void registerText(ImporterTable &table) {
  table.add("StringConcat", checked<stringConcat, 2>);
  table.add("StringSplit", checked<stringSplit, 1>);
  table.add("StringNormalizer", checked<stringNormalizer, 1>);
  table.add("RegexFullMatch", checked<regexFullMatch, 1>);
  table.add("TfIdfVectorizer", checked<tfIdf, 1>);
}

} // namespace narae::onnx
