//===- ElfObject.cpp - Shared objects loaded from memory -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/ElfObject.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace narae::cpu;

static bool writeAll(int fd, const char *data, size_t size) {
  while (size) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

/// A path to a descriptor that no earlier call returned. The linker takes two
/// equal paths for the same object, and descriptors' numbers come back; so the
/// path spells a counter, a bit as "./" or ".//".
static std::string uniquePath(int fd) {
  static std::atomic<uint64_t> counter{1};
  std::string path = "/proc/self/";
  for (uint64_t n = counter.fetch_add(1); n; n >>= 1)
    path += n & 1 ? "./" : ".//";
  return path + "fd/" + std::to_string(fd);
}

/// Whether all that the loader maps is in the file: it does not check, and
/// reading behind the end of a mapped file is a signal.
static bool isWhole(const char *data, size_t size, const Elf64_Ehdr &header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size ||
      (size - header.e_phoff) / sizeof(Elf64_Phdr) < header.e_phnum)
    return false;
  // Linkers write the sections' table last, so a part of a file lacks it.
  uint64_t sections = uint64_t(header.e_shnum) * header.e_shentsize;
  if (header.e_shoff > size || size - header.e_shoff < sections)
    return false;
  bool loads = false;
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, data + header.e_phoff + i * sizeof(segment),
                sizeof(segment));
    if (segment.p_type == PT_NULL || segment.p_filesz == 0)
      continue;
    if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
      return false;
    loads |= segment.p_type == PT_LOAD;
  }
  return loads;
}

std::unique_ptr<ElfObject> ElfObject::load(const void *data, size_t size,
                                           std::string &error) {
  Elf64_Ehdr header;
  if (size < sizeof(header)) {
    error = "the object is no ELF file";
    return nullptr;
  }
  std::memcpy(&header, data, sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_type != ET_DYN) {
    error = "the object is no ELF shared object";
    return nullptr;
  }
  if (!isWhole(static_cast<const char *>(data), size, header)) {
    error = "the object is not whole: segments lie behind its end";
    return nullptr;
  }
  int fd = memfd_create("narae-kernels", MFD_CLOEXEC);
  if (fd < 0 || !writeAll(fd, static_cast<const char *>(data), size)) {
    error = std::string("cannot load the object: ") + std::strerror(errno);
    if (fd >= 0)
      close(fd);
    return nullptr;
  }
  std::string path = uniquePath(fd);
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    error = std::string("cannot load the object: ") +
            (reason ? reason : "unknown reason");
  }
  close(fd);
  return handle ? std::unique_ptr<ElfObject>(new ElfObject(handle)) : nullptr;
}

ElfObject::~ElfObject() { dlclose(handle); }

void *ElfObject::find(const char *name) const { return dlsym(handle, name); }
