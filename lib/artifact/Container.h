//===- Container.h - The fixed header and the section table ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file is
//
//   header (64 bytes) | section table | zeros | section | zeros | section ...
//
// Each section begins at the next multiple of 4096 after the one before it,
// the bytes between are zero, and the file ends with its last section. The
// header's hash covers header and table, the table holds a hash a section:
// there is no byte that can change unseen.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_CONTAINER_H
#define NARAE_LIB_ARTIFACT_CONTAINER_H

#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace narae::artifact {

constexpr uint16_t formatMajor = 1;
constexpr uint16_t formatMinor = 0;
constexpr uint64_t sectionAlignment = 4096;
/// Weights begin at multiples of this in the weights section.
constexpr uint64_t weightAlignment = 64;

enum class SectionKind : uint32_t {
  Program = 1,
  Object = 2,
  Weights = 3,
  Attachment = 4
};

/// One row of the section table, as stored (little endian).
struct Section {
  SectionKind kind;
  uint32_t reserved; ///< zero
  uint64_t offset;   ///< from the beginning of the file, page-aligned
  uint64_t size;
  uint64_t hash; ///< XXH3 of the section's bytes
};
static_assert(sizeof(Section) == 32, "stored as it is");

/// The first bytes of a file, as stored (little endian).
struct Header {
  char magic[8]; ///< "NARAE\0\r\n"
  uint16_t major;
  uint16_t minor;
  uint32_t headerSize; ///< sizeof(Header)
  uint64_t schemaHash; ///< XXH3 of Artifact.fbs
  uint32_t sectionCount;
  uint32_t reserved;    ///< zero
  uint64_t tableOffset; ///< sizeof(Header)
  uint64_t fileSize;
  uint64_t reserved2;  ///< zero
  uint64_t headerHash; ///< XXH3 of header (this field zero) and table
};
static_assert(sizeof(Header) == 64, "stored as it is");

inline uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// The hash of the schema this program was built with.
uint64_t schemaHash();

/// Bytes of header and table for sections that are laid out and hashed.
std::vector<char> encodeHeader(const std::vector<Section> &sections);

/// Checks everything about header, table, layout and padding of a file in
/// memory; content hashes are left to the caller.
Expected<std::vector<Section>> decodeHeader(const char *data, uint64_t size);

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_CONTAINER_H
