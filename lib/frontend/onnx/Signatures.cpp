//===- Signatures.cpp - Which inputs and attributes a node may have -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Importers read what they know. What they do not ask for must not be there:
// an attribute that is passed over may be what the model's author relied on.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

namespace {
struct Signature {
  const char *domain, *op;
  int since;
  int leastInputs, mostInputs;
  const char *required, *optional;
};
} // namespace

static constexpr Signature kSignatures[] = {
#include "lib/frontend/onnx/Signatures.inc"
};

/// The newest row of the op that is not newer than `version`; the oldest one
/// when all are, null when the op is none of the standard's.
static const Signature *find(StringRef domain, StringRef op, int64_t version) {
  static const auto first = [] {
    llvm::StringMap<const Signature *> rows;
    for (const Signature &row : kSignatures)
      rows.try_emplace((Twine(row.domain) + ":" + row.op).str(), &row);
    return rows;
  }();
  const Signature *found = first.lookup((domain + ":" + op).str());
  if (!found)
    return nullptr;
  const Signature *end = std::end(kSignatures);
  for (const Signature *row = found; row != end; ++row) {
    if (row->op != op || row->domain != domain || row->since > version)
      break;
    found = row;
  }
  return found;
}

static SmallVector<StringRef> split(StringRef list) {
  SmallVector<StringRef> names;
  list.split(names, ',', -1, /*KeepEmpty=*/false);
  return names;
}

LogicalResult narae::onnx::checkSignature(const Node &n, StringRef domain) {
  const Signature *signature = find(domain, n.opType(), n.opset);
  if (!signature)
    return success();
  bool isGood = true;
  int64_t inputs = n.numInputs(), most = signature->mostInputs;
  if (most >= 0 && inputs > most) {
    n.error() << n.opType() << " has " << inputs << " inputs; at most " << most
              << " are allowed in operator set " << n.opset;
    isGood = false;
  }
  SmallVector<StringRef> required = split(signature->required);
  SmallVector<StringRef> known = split(signature->optional);
  for (StringRef name : required)
    if (!n.has(name)) {
      n.error() << "attribute '" << name << "' of " << n.opType()
                << " is missing";
      isGood = false;
    }
  known.append(required);
  for (const ::onnx::AttributeProto &attribute : n.proto.attribute()) {
    StringRef name = attribute.name();
    if (llvm::is_contained(known, name))
      continue;
    InFlightDiagnostic diagnostic = n.error();
    diagnostic << n.opType() << " has no attribute '" << name
               << "' in operator set " << n.opset;
    if (known.empty())
      diagnostic << "; it has none";
    else
      diagnostic << "; it has " << llvm::join(known, ", ");
    isGood = false;
  }
  return success(isGood);
}
