//===- Reader.cpp - Opens and verifies .narae files ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Reader.h"
#include "lib/artifact/Hash.h"
#include "lib/artifact/ProgramVerifier.h"

#include <algorithm>

using namespace narae;
using namespace narae::artifact;

static const char *kindName(SectionKind kind) {
  switch (kind) {
  case SectionKind::Program:
    return "program";
  case SectionKind::Object:
    return "object";
  case SectionKind::Weights:
    return "weights";
  case SectionKind::Attachment:
    return "attachment";
  }
  return "unknown";
}

Status Reader::read(const char *data, uint64_t size, const std::string &folder,
                    const ReadOptions &options) {
  Expected<std::vector<Section>> sections = decodeHeader(data, size);
  if (sections.failed())
    return sections.status();
  base = data;
  table = std::move(*sections);
  const Section *programSection = nullptr;
  const Section *weightSection = nullptr;
  for (const Section &section : table) {
    if (section.kind == SectionKind::Weights)
      weightSection = &section;
    if (section.kind == SectionKind::Weights && !options.verifyWeights &&
        section.size > hashedWeightLimit)
      continue;
    if (hashBytes(base + section.offset, section.size) != section.hash)
      return Status::error(std::string("the ") + kindName(section.kind) +
                           " section is damaged: its hash does not match");
    if (section.kind != SectionKind::Program)
      continue;
    if (programSection)
      return Status::error("there are several program sections");
    programSection = &section;
  }
  if (!programSection)
    return Status::error("there is no program section");
  const char *programData = base + programSection->offset;
  if (Status status = verifyProgram(programData, programSection->size, table);
      status.failed())
    return status;
  root = GetProgram(programData);

  weights.resize(count(root->weights()));
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight &weight =
        *root->weights()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (weight.file() && weight.file()->size()) {
      weights[i].size = weight.size();
      if (options.skipExternalWeights)
        continue;
      Expected<const char *> bytes = external.find(
          weight, options.weightsDir.empty() ? folder : options.weightsDir,
          options.verifyWeights);
      if (bytes.failed())
        return bytes.status();
      weights[i] = {*bytes, weight.size()};
    } else if (weight.absent()) {
      weights[i].size = weight.size();
    } else if (weightSection) {
      weights[i] = {base + weightSection->offset + weight.offset(),
                    weight.size()};
    }
  }
  return Status::success();
}

Expected<std::unique_ptr<Reader>> Reader::open(const std::string &path,
                                               const ReadOptions &options) {
  Expected<std::unique_ptr<MappedFile>> file = MappedFile::open(path);
  if (file.failed())
    return file.status();
  size_t slash = path.rfind('/');
  std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::unique_ptr<Reader> reader(new Reader());
  reader->file = std::move(*file);
  if (Status status = reader->read(reader->file->data(), reader->file->size(),
                                   folder, options);
      status.failed())
    return Status::error("'" + path + "': " + status.message());
  return reader;
}

Expected<std::unique_ptr<Reader>>
Reader::fromMemory(const void *data, size_t size, const ReadOptions &options) {
  if (reinterpret_cast<uintptr_t>(data) % sectionAlignment)
    return Status::error("an artifact in memory must be page-aligned");
  std::unique_ptr<Reader> reader(new Reader());
  if (Status status =
          reader->read(static_cast<const char *>(data), size, ".", options);
      status.failed())
    return status;
  return reader;
}

Bytes Reader::object(size_t index) const {
  const Section &section =
      table[root->objects()
                ->Get(static_cast<flatbuffers::uoffset_t>(index))
                ->section()];
  return {base + section.offset, section.size};
}

Bytes Reader::attachment(size_t index) const {
  const Section &section =
      table[root->attachments()
                ->Get(static_cast<flatbuffers::uoffset_t>(index))
                ->section()];
  return {base + section.offset, section.size};
}

uint64_t Reader::stateBytes() const {
  uint64_t end = 0;
  for (uint32_t i = 0; i < count(root->states()); ++i) {
    const State &state = *root->states()->Get(i);
    end = std::max(end, state.offset() + state.size());
  }
  return end;
}

uint64_t Reader::weightBytes() const {
  uint64_t total = 0;
  for (const Bytes &weight : weights)
    total += weight.size;
  return total;
}
