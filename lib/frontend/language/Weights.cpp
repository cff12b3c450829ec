//===- Weights.cpp - Weights of a model as symbols ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Weights.h"

#include "lib/frontend/language/Storage.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

/// Equal for weights that are the same bytes in the same form.
static std::string sourceKey(const Weight &weight) {
  std::string key = storageName(weight.storage);
  for (int64_t size : weight.shape)
    key += "," + std::to_string(size);
  for (const Piece &piece : weight.pieces)
    key += ";" + std::to_string(piece.offset) + "+" +
           std::to_string(piece.length) + "@" + piece.file;
  // Bytes in memory and weights without bytes are only ever themselves.
  const void *self = weight.bytes ? static_cast<const void *>(&*weight.bytes)
                                  : static_cast<const void *>(&weight);
  if (weight.pieces.empty())
    key += ";" + std::to_string(reinterpret_cast<uintptr_t>(self));
  return key;
}

/// Behind the symbols before; the table makes the name unique.
void Weights::insert(Operation *op) {
  Block *body = module.getBody();
  symbols.insert(op, last ? std::next(Block::iterator(last)) : body->begin());
  last = op;
}

fm::WeightDataOp Weights::symbol(const Weight &weight) {
  fm::WeightDataOp &op = known[sourceKey(weight)];
  if (op)
    return op;
  MLIRContext *context = module.getContext();
  auto type =
      RankedTensorType::get(weight.shape, elementType(weight.storage, context));
  OpBuilder b(context);
  Location loc = NameLoc::get(b.getStringAttr(weight.name));
  op = b.create<fm::WeightDataOp>(
      loc, weight.name.empty() ? StringRef("weight") : StringRef(weight.name),
      type, "", 0, storageBytes(weight), 0, ArrayAttr(), false);
  insert(op);
  return load(op, weight) ? op : fm::WeightDataOp();
}

bool Weights::load(fm::WeightDataOp op, const Weight &weight) {
  StringRef name = op.getSymName();
  if (weight.bytes) {
    store.addBytes(name, weight.bytes);
    return true;
  }
  if (weight.pieces.empty()) {
    op.setAbsent(true);
    if (absent)
      return true;
    op.emitError() << "tensor '" << weight.name << "' has no bytes";
    return false;
  }
  OpBuilder b(module.getContext());
  std::vector<WeightPiece> pieces;
  SmallVector<Attribute> attributes;
  for (const Piece &piece : weight.pieces) {
    SmallString<256> path(directory);
    llvm::sys::path::append(path, piece.file);
    pieces.push_back({path.str().str(), piece.offset, piece.length});
    attributes.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("file", b.getStringAttr(piece.file)),
         b.getNamedAttr("offset", b.getI64IntegerAttr(piece.offset)),
         b.getNamedAttr("length", b.getI64IntegerAttr(piece.length))}));
  }
  if (pieces.size() == 1) {
    op.setFile(weight.pieces[0].file);
    op.setOffset(weight.pieces[0].offset);
  } else {
    op.setPiecesAttr(b.getArrayAttr(attributes));
  }
  if (llvm::Error error = store.addPieces(name, pieces)) {
    op.emitError() << "tensor '" << weight.name
                   << "': " << llvm::toString(std::move(error));
    return false;
  }
  return true;
}

void Weights::attach(const Attachment &attachment) {
  OpBuilder b(module.getContext());
  Location loc = NameLoc::get(b.getStringAttr(attachment.name));
  uint64_t length = attachment.bytes ? attachment.bytes->size() : 0;
  SmallString<256> path(directory);
  llvm::sys::path::append(path, attachment.file);
  if (!attachment.bytes) {
    if (std::error_code error = llvm::sys::fs::file_size(path, length)) {
      emitError(loc) << "cannot read '" << attachment.file
                     << "': " << error.message();
      return;
    }
  }
  auto op = b.create<fm::AttachmentOp>(
      loc, attachment.name,
      attachment.bytes ? StringRef() : StringRef(attachment.file), 0, length);
  insert(op);
  StringRef name = op.getSymName();
  if (attachment.bytes)
    store.addBytes(name, attachment.bytes);
  else if (llvm::Error error = store.addFile(name, path, 0, length))
    emitError(loc) << llvm::toString(std::move(error));
}
