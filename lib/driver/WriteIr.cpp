//===- WriteIr.cpp - IR as a file that can be compiled further ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights that lie in files of the user's stay there: the IR names them
// relative to its own folder. Others (those that an .onnx file embeds, those
// that were evaluated) go to one file beside the IR.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"
#include "lib/artifact/OutputFile.h"
#include "lib/driver/Session.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <filesystem>

using namespace mlir;
using namespace narae;
using namespace narae::driver;
using artifact::OutputFile;

namespace {

/// The path of a file as seen from a folder.
std::string relativeTo(const std::string &file, const std::string &folder) {
  std::error_code error;
  auto path = std::filesystem::relative(
      file, folder.empty() ? std::string(".") : folder, error);
  return error || path.empty() ? file : path.string();
}

/// The file of weights beside the IR; made when the first comes.
class WeightsFile {
public:
  explicit WeightsFile(StringRef ir)
      : path((ir.ends_with(".mlir") ? ir.drop_back(5) : ir).str() +
             ".weights.bin") {}

  /// Appends a weight's bytes; where they begin, or the error.
  Expected<uint64_t> append(const WeightStore &weights, StringRef name) {
    if (!file) {
      auto made = OutputFile::create(path);
      if (made.failed())
        return made.status();
      file = std::move(*made);
    }
    uint64_t begin = (file->offset() + 63) / 64 * 64;
    Status status = file->padTo(begin);
    weights.stream(name, [&](ArrayRef<char> bytes) {
      if (status.ok())
        status = file->write(bytes.data(), bytes.size());
      return status.ok();
    });
    if (status.failed())
      return status;
    return begin;
  }
  Status commit() { return file ? file->commit() : Status::success(); }
  std::string name() const { return llvm::sys::path::filename(path).str(); }

private:
  std::string path;
  std::unique_ptr<OutputFile> file;
};

} // namespace

/// Names the places of a weight's bytes in its op; false after an error.
static bool placeWeight(fm::WeightDataOp data, const WeightStore &weights,
                        const std::string &folder, WeightsFile &file) {
  StringRef name = data.getSymName();
  Builder b(data.getContext());
  ArrayRef<WeightPiece> source = weights.source(name);
  if (data.getHash() == 0)
    data.setHash(static_cast<int64_t>(weights.hash(name)));
  data.removePiecesAttr();
  data.setLength(static_cast<int64_t>(*weights.size(name)));
  if (source.size() == 1) {
    data.setFile(relativeTo(source[0].file, folder));
    data.setOffset(static_cast<int64_t>(source[0].offset));
    return true;
  }
  if (!source.empty()) {
    SmallVector<Attribute> pieces;
    for (const WeightPiece &piece : source)
      pieces.push_back(b.getDictionaryAttr(
          {b.getNamedAttr("file",
                          b.getStringAttr(relativeTo(piece.file, folder))),
           b.getNamedAttr("offset", b.getI64IntegerAttr(
                                        static_cast<int64_t>(piece.offset))),
           b.getNamedAttr("length", b.getI64IntegerAttr(
                                        static_cast<int64_t>(piece.length)))}));
    data.setFile("");
    data.setOffset(0);
    data.setPiecesAttr(b.getArrayAttr(pieces));
    return true;
  }
  auto offset = file.append(weights, name);
  if (offset.failed()) {
    data.emitError(offset.message());
    return false;
  }
  data.setFile(file.name());
  data.setOffset(static_cast<int64_t>(*offset));
  return true;
}

bool driver::writeIr(ModuleOp module, const WeightStore &weights,
                     const std::string &path) {
  // The written module names files; the one compiled on is left alone.
  OwningOpRef<ModuleOp> copy = module.clone();
  std::string folder = llvm::sys::path::parent_path(path).str();
  WeightsFile file(path);
  for (auto data : copy->getOps<fm::WeightDataOp>())
    if (weights.contains(data.getSymName()) &&
        !placeWeight(data, weights, folder, file))
      return false;
  auto fail = [&](const Status &status) {
    if (status.failed())
      emitError(UnknownLoc::get(module.getContext())) << status.message();
    return status.failed();
  };
  for (auto data : copy->getOps<fm::AttachmentOp>()) {
    if (!weights.contains(data.getSymName()))
      continue;
    auto offset = file.append(weights, data.getSymName());
    if (offset.failed()) {
      fail(offset.status());
      return false;
    }
    data.setFile(file.name());
    data.setOffset(static_cast<int64_t>(*offset));
    data.setLength(static_cast<int64_t>(*weights.size(data.getSymName())));
  }
  if (fail(file.commit()))
    return false;
  // Locations are the names of the model's nodes.
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os, OpPrintingFlags().enableDebugInfo());
  os << "\n";
  auto ir = OutputFile::create(path);
  return !fail(ir.status()) && !fail((*ir)->write(text.data(), text.size())) &&
         !fail((*ir)->commit());
}
