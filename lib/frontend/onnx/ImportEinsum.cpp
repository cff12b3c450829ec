//===- ImportEinsum.cpp - Einsum ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Operands are combined from the left to the right, two at a time. Labels that
// only one operand has and the result has not are summed first; a pair with a
// label to contract becomes a batched matmul, one without a product. Labels of
// the ellipsis are named from the right, so that operands with fewer of them
// broadcast as NumPy's do.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

namespace {
/// A letter, or kEllipsis + its place from the right.
using Label = int;
using Labels = SmallVector<Label, 8>;
constexpr Label kEllipsis = 256;

/// A tensor and the label of each of its dimensions.
struct Term {
  Value value;
  Labels labels;
};

class Einsum {
public:
  explicit Einsum(Node &n) : n(n) {}
  LogicalResult run();

private:
  LogicalResult parse(StringRef equation);
  LogicalResult parseTerm(StringRef text, int64_t rank, Labels &labels);
  void implicitOutput(llvm::ArrayRef<std::string> terms);

  void takeDiagonals(Term &term);
  void sumOut(Term &term, llvm::function_ref<bool(Label)> needed);
  Term combine(Term a, Term b, llvm::function_ref<bool(Label)> needed);
  Term multiply(const Term &a, const Term &b);
  Term contract(const Term &a, const Term &b, const Labels &batch,
                const Labels &inner);
  Value arrange(const Term &term, const Labels &order);
  Value grouped(const Term &term, const Labels &batch,
                std::initializer_list<const Labels *> groups);
  Value dim(const Term &term, Label label) {
    return dimOf(n, term.value, position(term.labels, label));
  }

  static bool has(const Labels &labels, Label label) {
    return llvm::is_contained(labels, label);
  }
  static int64_t position(const Labels &labels, Label label) {
    return llvm::find(labels, label) - labels.begin();
  }

  Node &n;
  SmallVector<Term> terms;
  Labels output;
  int64_t ellipsisRank = 0;
};
} // namespace

LogicalResult Einsum::parseTerm(StringRef text, int64_t rank, Labels &labels) {
  size_t dots = text.find("...");
  if (dots != StringRef::npos && text.find('.', dots + 3) != StringRef::npos)
    return n.error() << "'" << text << "' has more than one ellipsis";
  int64_t letters = text.size() - (dots == StringRef::npos ? 0 : 3);
  int64_t hidden = 0;
  if (rank >= 0) {
    hidden = rank - letters;
    if (hidden < 0 || (hidden > 0 && dots == StringRef::npos))
      return n.error() << "'" << text << "' names " << letters
                       << " dimensions of an input that has " << rank;
    ellipsisRank = std::max(ellipsisRank, hidden);
  } else {
    hidden = ellipsisRank;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == dots) {
      for (int64_t k = hidden; k-- > 0;)
        labels.push_back(kEllipsis + k);
      i += 2;
      continue;
    }
    if (!llvm::isAlpha(text[i]))
      return n.error() << "'" << text << "' has the character '"
                       << text.substr(i, 1) << "'; labels are letters";
    labels.push_back(text[i]);
  }
  return success();
}

/// Without "->" the result has the ellipsis, then the letters that occur once,
/// in alphabetical order.
void Einsum::implicitOutput(llvm::ArrayRef<std::string> texts) {
  for (int64_t k = ellipsisRank; k-- > 0;)
    output.push_back(kEllipsis + k);
  std::string all;
  for (const std::string &text : texts)
    all += text;
  Labels once;
  for (char c : all)
    if (c != '.' && llvm::count(all, c) == 1)
      once.push_back(c);
  llvm::sort(once);
  output.append(once.begin(), once.end());
}

LogicalResult Einsum::parse(StringRef equation) {
  std::string text;
  for (char c : equation)
    if (!llvm::isSpace(c))
      text.push_back(c);
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != n.numInputs())
    return n.error() << "the equation '" << equation << "' is for "
                     << parts.size() << " inputs; the node has "
                     << n.numInputs();
  std::vector<std::string> texts;
  for (auto [i, part] : llvm::enumerate(parts)) {
    Term term{n.input(i), {}};
    if (!term.value)
      return n.error() << "input " << i << " is missing";
    if (failed(parseTerm(part, rankOf(term.value), term.labels)))
      return failure();
    terms.push_back(std::move(term));
    texts.push_back(part.str());
  }
  if (!StringRef(text).contains("->")) {
    implicitOutput(texts);
    return success();
  }
  if (failed(parseTerm(right, -1, output)))
    return failure();
  for (Label label : output) {
    if (llvm::count(output, label) > 1)
      return n.error() << "the result repeats a label: '" << right << "'";
    if (llvm::none_of(
            terms, [&](const Term &term) { return has(term.labels, label); }))
      return n.error() << "the result has a label that no input has: '" << right
                       << "'";
  }
  return success();
}

/// A label that occurs twice in one term selects the diagonal of the two
/// dimensions.
void Einsum::takeDiagonals(Term &term) {
  for (size_t i = 0; i < term.labels.size() && term.value; ++i) {
    while (term.value && llvm::count(term.labels, term.labels[i]) > 1) {
      size_t j = i + 1;
      while (term.labels[j] != term.labels[i])
        ++j;
      // result[.., k, .., 0] = value[.., k, .., k].
      Values dims;
      for (size_t k = 0; k < term.labels.size(); ++k)
        dims.push_back(k == j ? constDim(n, 1) : dimOf(n, term.value, k));
      Value index = iota(n, dims, i, n.b.getI64Type());
      Value picked =
          n.make<fm::GatherElementsOp>(term.value, index, uint64_t(j));
      term.value = n.squeeze(picked, {int64_t(j)});
      term.labels.erase(term.labels.begin() + j);
    }
  }
}

void Einsum::sumOut(Term &term, llvm::function_ref<bool(Label)> needed) {
  SmallVector<int64_t> axes;
  Labels kept;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    if (needed(label))
      kept.push_back(label);
    else
      axes.push_back(i);
  }
  if (axes.empty())
    return;
  term.value = n.reduce("sum", term.value, axes, /*keepDims=*/false);
  term.labels = kept;
}

/// The term's dimensions in `order`, size 1 for those it does not have.
Value Einsum::arrange(const Term &term, const Labels &order) {
  SmallVector<int64_t> perm, missing;
  for (auto [i, label] : llvm::enumerate(order)) {
    if (has(term.labels, label))
      perm.push_back(position(term.labels, label));
    else
      missing.push_back(i);
  }
  Value value =
      llvm::is_sorted(perm) ? term.value : n.transpose(term.value, perm);
  return missing.empty() ? value : n.unsqueeze(value, missing);
}

Term Einsum::multiply(const Term &a, const Term &b) {
  Labels order = a.labels;
  for (Label label : b.labels)
    if (!has(order, label))
      order.push_back(label);
  return {n.make<fm::MulOp>(arrange(a, order), arrange(b, order)), order};
}

/// [batch.., group 0, group 1], each group flattened to one dimension.
Value Einsum::grouped(const Term &term, const Labels &batch,
                      std::initializer_list<const Labels *> groups) {
  Labels order = batch;
  bool flat = true;
  for (const Labels *group : groups) {
    order.append(group->begin(), group->end());
    flat &= group->size() == 1;
  }
  Value value = arrange(term, order);
  if (flat || !value)
    return value;
  Values dims;
  int64_t at = batch.size();
  if (at)
    dims.push_back(dimsOf(n, value, 0, at));
  for (const Labels *group : groups) {
    dims.push_back(dimProduct(n, value, at, at + group->size()));
    at += group->size();
  }
  return reshapeTo(n, value, dims);
}

Term Einsum::contract(const Term &a, const Term &b, const Labels &batch,
                      const Labels &inner) {
  Labels left, right;
  for (Label label : a.labels)
    if (!has(batch, label) && !has(inner, label))
      left.push_back(label);
  for (Label label : b.labels)
    if (!has(batch, label) && !has(inner, label))
      right.push_back(label);
  Value product = matmul(n, grouped(a, batch, {&left, &inner}),
                         grouped(b, batch, {&inner, &right}));
  Labels labels = batch;
  labels.append(left);
  labels.append(right);
  if (!product || (left.size() == 1 && right.size() == 1))
    return {product, labels};
  Values dims;
  if (!batch.empty())
    dims.push_back(dimsOf(n, product, 0, batch.size()));
  for (Label label : left)
    dims.push_back(dim(a, label));
  for (Label label : right)
    dims.push_back(dim(b, label));
  if (dims.empty())
    return {asScalar(n, product), labels};
  return {reshapeTo(n, product, dims), labels};
}

Term Einsum::combine(Term a, Term b, llvm::function_ref<bool(Label)> needed) {
  sumOut(a, [&](Label l) { return needed(l) || has(b.labels, l); });
  sumOut(b, [&](Label l) { return needed(l) || has(a.labels, l); });
  if (!a.value || !b.value)
    return {};
  Labels batch, inner;
  for (Label label : a.labels)
    if (has(b.labels, label))
      (needed(label) ? batch : inner).push_back(label);
  return inner.empty() ? multiply(a, b) : contract(a, b, batch, inner);
}

LogicalResult Einsum::run() {
  if (failed(parse(n.strAttr("equation", ""))))
    return failure();
  for (Term &term : terms)
    takeDiagonals(term);
  Term result = terms[0];
  auto neededAfter = [&](size_t i, Label label) {
    return has(output, label) ||
           llvm::any_of(llvm::ArrayRef(terms).drop_front(i + 1),
                        [&](const Term &t) { return has(t.labels, label); });
  };
  for (size_t i = 1; i < terms.size() && result.value; ++i)
    result = combine(result, terms[i],
                     [&](Label label) { return neededAfter(i, label); });
  if (!result.value)
    return failure();
  sumOut(result, [&](Label label) { return has(output, label); });
  return n.setOutput(0, result.value ? arrange(result, output) : Value());
}

static LogicalResult einsum(Node &n) { return Einsum(n).run(); }

void addEinsum(ImporterTable &table) {
  table.add("Einsum", checked<einsum, 1>);
}

} // namespace narae::onnx
