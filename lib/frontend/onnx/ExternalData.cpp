//===- ExternalData.cpp - Tensors that lie in files of their own ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/ExternalData.h"

#include "lib/frontend/onnx/Proto.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;
namespace path = llvm::sys::path;

/// Whether a path has no way out of the folder it is relative to.
static bool staysInside(StringRef location) {
  if (location.empty() || path::is_absolute(location) ||
      location.contains('\0'))
    return false;
  for (StringRef part :
       llvm::make_range(path::begin(location), path::end(location)))
    if (part == "..")
      return false;
  return true;
}

static bool isBelow(StringRef file, StringRef folder) {
  return file.consume_front(folder) &&
         (file.starts_with("/") || folder.ends_with("/"));
}

FailureOr<ExternalData>
narae::onnx::findExternal(const ::onnx::TensorProto &proto, StringRef directory,
                          StringRef realDirectory, uint64_t expected,
                          EmitError emitError) {
  ExternalData external;
  std::optional<uint64_t> length;
  for (const ::onnx::StringStringEntryProto &entry : proto.external_data()) {
    uint64_t number = 0;
    bool isNumber = llvm::to_integer(entry.value(), number, 10);
    if (entry.key() == "location")
      external.file = entry.value();
    else if (entry.key() != "offset" && entry.key() != "length")
      continue; // checksums and what others add
    else if (!isNumber)
      return emitError() << "external data has the " << entry.key() << " '"
                         << entry.value() << "', which is no number",
             failure();
    else if (entry.key() == "offset")
      external.offset = number;
    else
      length = number;
  }
  if (!staysInside(external.file))
    return emitError() << "the external data's location '" << external.file
                       << "' leads out of the model's folder; weights must "
                          "lie beside the model",
           failure();
  if (length && *length != expected)
    return emitError() << "external data has " << *length
                       << " bytes, but the tensor's type and shape need "
                       << expected,
           failure();
  SmallString<256> full(directory);
  path::append(full, external.file);
  uint64_t size = 0;
  if (std::error_code error = llvm::sys::fs::file_size(full, size))
    return emitError() << "cannot read the file '" << external.file
                       << "' with the tensor's data beside the model: "
                       << error.message(),
           failure();
  SmallString<256> real, base;
  if (llvm::sys::fs::real_path(full, real) ||
      llvm::sys::fs::real_path(directory.empty() ? "." : directory, base) ||
      (!isBelow(real, base) && !isBelow(real, realDirectory)))
    return emitError() << "the external data's file '" << external.file
                       << "' is a link out of the model's folder; weights "
                          "must lie beside the model",
           failure();
  if (llvm::sys::fs::is_directory(full) || external.offset > size ||
      expected > size - external.offset)
    return emitError() << "external data lies at bytes " << external.offset
                       << " to " << external.offset + expected << " of '"
                       << external.file << "', which has " << size << " bytes",
           failure();
  return external;
}

LogicalResult narae::onnx::readExternal(const ExternalData &external,
                                        StringRef directory, uint64_t length,
                                        std::vector<char> &bytes,
                                        EmitError emitError) {
  SmallString<256> full(directory);
  path::append(full, external.file);
  auto buffer = llvm::MemoryBuffer::getFileSlice(full, length, external.offset);
  if (!buffer)
    return emitError() << "cannot read '" << external.file
                       << "': " << buffer.getError().message(),
           failure();
  bytes.assign((*buffer)->getBufferStart(), (*buffer)->getBufferEnd());
  return success();
}
