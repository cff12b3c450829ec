//===- ElfObject.h - Shared objects loaded from memory ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_ELFOBJECT_H
#define NARAE_BACKENDS_CPU_RUNTIME_ELFOBJECT_H

#include <cstddef>
#include <memory>
#include <string>

namespace narae::cpu {

/// An ELF shared object that never had a name on a disk: its bytes go into an
/// anonymous file (memfd_create), from which the dynamic linker loads it.
class ElfObject {
public:
  /// Null with a message in `error` on failure.
  static std::unique_ptr<ElfObject> load(const void *data, size_t size,
                                         std::string &error);
  ~ElfObject();
  ElfObject(const ElfObject &) = delete;
  ElfObject &operator=(const ElfObject &) = delete;

  /// The address of a function, null if there is none.
  void *find(const char *name) const;

private:
  explicit ElfObject(void *handle) : handle(handle) {}
  void *handle;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_ELFOBJECT_H
