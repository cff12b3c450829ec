//===- Container.cpp - The fixed header and the section table ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Container.h"
#include "lib/artifact/Hash.h"

#include <algorithm>
#include <cstring>

using namespace narae;
using namespace narae::artifact;

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "artifacts are little endian, and so are the hosts supported so far"
#endif

namespace narae::artifact {
extern const char schemaText[];
} // namespace narae::artifact

static const char magic[8] = {'N', 'A', 'R', 'A', 'E', '\0', '\r', '\n'};

/// More sections than any compiler would write; bounds what a table can cost.
static constexpr uint32_t maxSections = 65536;

uint64_t artifact::schemaHash() {
  static const uint64_t hash = hashBytes(schemaText, std::strlen(schemaText));
  return hash;
}

/// Hash of header and table, whatever the header's own hash says.
static uint64_t hashHeader(Header header, const char *table) {
  header.headerHash = 0;
  Hasher hasher;
  hasher.add(&header, sizeof(header));
  hasher.add(table, header.sectionCount * sizeof(Section));
  return hasher.finish();
}

std::vector<char> artifact::encodeHeader(const std::vector<Section> &sections) {
  Header header;
  std::memset(&header, 0, sizeof(header));
  std::memcpy(header.magic, magic, sizeof(magic));
  header.major = formatMajor;
  header.minor = formatMinor;
  header.headerSize = sizeof(Header);
  header.schemaHash = schemaHash();
  header.sectionCount = static_cast<uint32_t>(sections.size());
  header.tableOffset = sizeof(Header);
  header.fileSize =
      sections.empty() ? 0 : sections.back().offset + sections.back().size;
  std::vector<char> bytes(sizeof(Header) + sections.size() * sizeof(Section));
  char *table = bytes.data() + sizeof(Header);
  if (!sections.empty())
    std::memcpy(table, sections.data(), sections.size() * sizeof(Section));
  header.headerHash = hashHeader(header, table);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

static Status otherVersion(const std::string &detail) {
  return Status::error("the file was made by another version of Narae (" +
                       detail + "); compile the model again");
}

/// Whether [begin, end) holds zeros only.
static bool isZero(const char *data, uint64_t begin, uint64_t end) {
  return std::all_of(data + begin, data + end, [](char c) { return c == 0; });
}

static Status checkHeader(const char *data, uint64_t size, Header &header) {
  if (size < sizeof(magic) || std::memcmp(data, magic, sizeof(magic)) != 0)
    return Status::error("this is not a .narae file");
  if (size < sizeof(Header))
    return Status::error("the file is cut off in its header");
  std::memcpy(&header, data, sizeof(header));
  if (header.major != formatMajor)
    return otherVersion("format " + std::to_string(header.major) + "." +
                        std::to_string(header.minor) + ", this one reads " +
                        std::to_string(formatMajor) + ".x");
  if (header.schemaHash != schemaHash())
    return otherVersion("its program has another schema");
  if (header.headerSize != sizeof(Header) ||
      header.tableOffset != sizeof(Header) || header.sectionCount > maxSections)
    return Status::error("the file's header is damaged");
  if (header.sectionCount * sizeof(Section) > size - sizeof(Header))
    return Status::error("the file is cut off in its section table");
  if (hashHeader(header, data + sizeof(Header)) != header.headerHash)
    return Status::error(
        "the file's header is damaged: its hash does not match");
  // What follows is reached by a file that is whole but was made on purpose.
  if (header.reserved || header.reserved2)
    return Status::error("reserved fields of the file's header are set");
  return Status::success();
}

Expected<std::vector<Section>> artifact::decodeHeader(const char *data,
                                                      uint64_t size) {
  Header header;
  if (Status status = checkHeader(data, size, header); status.failed())
    return status;
  if (header.fileSize > size)
    return Status::error("the file is cut off: it has " + std::to_string(size) +
                         " of " + std::to_string(header.fileSize) + " bytes");
  if (header.fileSize < size)
    return Status::error("the file has " +
                         std::to_string(size - header.fileSize) +
                         " bytes after its end");
  std::vector<Section> sections(header.sectionCount);
  if (!sections.empty())
    std::memcpy(sections.data(), data + sizeof(Header),
                sections.size() * sizeof(Section));
  uint64_t end = sizeof(Header) + sections.size() * sizeof(Section);
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section &section = sections[i];
    std::string name = "section " + std::to_string(i);
    if (section.kind < SectionKind::Program ||
        section.kind > SectionKind::Attachment || section.reserved)
      return Status::error(name + " is of an unknown kind");
    if (section.offset > size || section.size > size - section.offset)
      return Status::error(name + " reaches beyond the end of the file");
    if (section.offset != alignUp(end, sectionAlignment))
      return Status::error(name + " is not where it has to begin");
    if (!isZero(data, end, section.offset))
      return Status::error("the bytes before " + name + " are not zero");
    end = section.offset + section.size;
  }
  if (end != size)
    return Status::error("the file does not end with its last section");
  return sections;
}
