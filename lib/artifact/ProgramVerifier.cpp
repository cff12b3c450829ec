//===- ProgramVerifier.cpp - Refuses wrong programs ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/EntryVerifier.h"
#include "lib/artifact/Types.h"

#include <algorithm>
#include <set>
#include <string>

using namespace narae;
using namespace narae::artifact;

static std::string number(uint64_t value) { return std::to_string(value); }

#define NARAE_TRY(expression)                                                  \
  do {                                                                         \
    if (Status status_ = (expression); status_.failed())                       \
      return status_;                                                          \
  } while (false)

/// A name that stays in the folder it is looked up in.
static bool isLocalName(const std::string &name) {
  if (name.empty() || name[0] == '/' || name.find('\0') != std::string::npos)
    return false;
  return ("/" + name + "/").find("/../") == std::string::npos;
}

static Status verifyWeight(const Weight &weight, const std::string &what,
                           const std::vector<Section> &sections) {
  if (!typeSize(weight.type()))
    return Status::error(what + " is of unknown type " + number(weight.type()));
  NARAE_TRY(checkAlignment("the dimensions of " + what, weight.dims(),
                           alignof(int64_t)));
  for (int64_t dim :
       weight.dims()
           ? std::vector<int64_t>(weight.dims()->begin(), weight.dims()->end())
           : std::vector<int64_t>())
    if (dim < 0)
      return Status::error(what + " has a negative dimension");
  if (weight.offset() + weight.size() < weight.offset())
    return Status::error(what + " has an impossible range");
  if (weight.file() && weight.file()->size()) {
    if (isLocalName(weight.file()->str()))
      return Status::success();
    return Status::error(what + " is in a file '" + weight.file()->str() +
                         "', which is not below the artifact's folder");
  }
  uint64_t size = 0;
  for (const Section &section : sections)
    if (section.kind == SectionKind::Weights)
      size = section.size;
  if (weight.offset() + weight.size() > size)
    return Status::error(what + " reaches beyond the weights section");
  if (weight.offset() % weightAlignment)
    return Status::error(what + " is not aligned");
  return Status::success();
}

static Status verifyTables(const Program &program,
                           const std::vector<Section> &sections) {
  auto numberOf = [&](SectionKind kind) {
    return std::count_if(sections.begin(), sections.end(),
                         [&](const Section &s) { return s.kind == kind; });
  };
  if (numberOf(SectionKind::Weights) > 1)
    return Status::error("there are several sections of weights");
  for (uint32_t i = 0; i < count(program.objects()); ++i) {
    uint32_t section = program.objects()->Get(i)->section();
    std::string what = "the section of object " + number(i);
    NARAE_TRY(checkIndex(what, section, sections.size()));
    if (sections[section].kind != SectionKind::Object)
      return Status::error(what + " holds no object");
  }
  for (uint32_t i = 0; i < count(program.kernels()); ++i)
    NARAE_TRY(checkIndex("the object of kernel " + number(i),
                         program.kernels()->Get(i)->object(),
                         count(program.objects())));
  for (uint32_t i = 0; i < count(program.weights()); ++i) {
    const Weight &weight = *program.weights()->Get(i);
    NARAE_TRY(verifyWeight(
        weight, "weight '" + std::string(text(weight.name())) + "'", sections));
  }
  return Status::success();
}

Status artifact::verifyProgram(const void *data, size_t size,
                               const std::vector<Section> &sections) {
  // Tables may be shared in a flatbuffer; the limit bounds the time that a
  // file can cost which shares them in order to cost time.
  auto tables =
      static_cast<flatbuffers::uoffset_t>(std::max<size_t>(1000000, size / 8));
  if (size >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return Status::error("the program section is too large");
  flatbuffers::Verifier verifier(static_cast<const uint8_t *>(data), size, 64,
                                 tables);
  if (size < 16 || !VerifyProgramBuffer(verifier))
    return Status::error("the program section is damaged");
  const Program &program = *GetProgram(data);
  NARAE_TRY(verifyTables(program, sections));
  std::set<std::string> names;
  for (uint32_t i = 0; i < count(program.entries()); ++i) {
    const Entry &entry = *program.entries()->Get(i);
    std::string name = text(entry.name());
    if (!names.insert(name).second)
      return Status::error("there are two entries '" + name + "'");
    if (Status status = verifyEntry(program, entry); status.failed())
      return Status::error("entry '" + name + "': " + status.message());
  }
  return Status::success();
}
