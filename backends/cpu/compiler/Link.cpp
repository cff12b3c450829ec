//===- Link.cpp - lld in this process -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/Codegen.h"

#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace narae;

namespace {
/// A folder for the linker's files, which lld knows by name only.
class TemporaryFolder {
public:
  TemporaryFolder() {
    error = llvm::sys::fs::createUniqueDirectory("narae", path);
  }
  ~TemporaryFolder() {
    if (!error)
      llvm::sys::fs::remove_directories(path);
  }
  std::string file(const llvm::Twine &name) const {
    llvm::SmallString<128> result(path);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  std::error_code error;

private:
  llvm::SmallString<128> path;
};
} // namespace

static bool writeFile(const std::string &path, llvm::StringRef bytes,
                      std::string &error) {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (!code) {
    os << bytes;
    os.close();
    code = os.error();
    os.clear_error();
  }
  if (code)
    error = "cannot write a temporary file: " + code.message();
  return !code;
}

bool cpu::linkShared(llvm::ArrayRef<llvm::StringRef> objects,
                     llvm::StringRef library, std::string &result,
                     std::string &error) {
  TemporaryFolder folder;
  if (folder.error) {
    error = "cannot create a temporary folder: " + folder.error.message();
    return false;
  }
  std::vector<std::string> files;
  for (llvm::StringRef object : objects) {
    files.push_back(folder.file(llvm::Twine(files.size()) + ".o"));
    if (!writeFile(files.back(), object, error))
      return false;
  }
  std::string libraryFile = folder.file("memory.o");
  std::string output = folder.file("kernels.so");
  if (!writeFile(libraryFile, library, error))
    return false;

  std::vector<const char *> args = {"ld.lld",          "-shared",
                                    "--no-undefined",  "-znoexecstack",
                                    "--build-id=none", "--hash-style=gnu",
                                    "-Bsymbolic",      "-s",
                                    "--threads=1",     "-o",
                                    output.c_str()};
  for (const std::string &file : files)
    args.push_back(file.c_str());
  args.insert(args.end(), {"--start-lib", libraryFile.c_str(), "--end-lib"});

  // lld keeps its state in globals.
  static std::mutex mutex;
  std::string messages;
  bool linked;
  {
    std::lock_guard<std::mutex> lock(mutex);
    llvm::raw_string_ostream os(messages);
    linked = lld::elf::link(args, os, os, /*exitEarly=*/false,
                            /*disableOutput=*/false);
    lld::CommonLinkerContext::destroy();
  }
  if (!linked) {
    // An undefined symbol is a function that generated code needs and the
    // device library lacks: a bug of this backend.
    error = "internal error: linking kernels failed: " +
            llvm::StringRef(messages).trim().str();
    return false;
  }
  auto bytes = llvm::MemoryBuffer::getFile(output);
  if (!bytes) {
    error = "cannot read the linked object: " + bytes.getError().message();
    return false;
  }
  result = (*bytes)->getBuffer().str();
  return true;
}
