//===- Writer.cpp - Writes .narae files ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Writer.h"
#include "lib/artifact/Container.h"
#include "lib/artifact/Hash.h"
#include "lib/artifact/OutputFile.h"
#include "lib/artifact/ProgramVerifier.h"

using namespace narae;
using namespace narae::artifact;

uint32_t Writer::addObject(std::string format, std::string bytes) {
  auto object = std::make_unique<ObjectT>();
  object->format = std::move(format);
  program.objects.push_back(std::move(object));
  objects.push_back(std::move(bytes));
  return static_cast<uint32_t>(objects.size() - 1);
}

void Writer::addAttachment(std::string name, WeightSource source) {
  auto attachment = std::make_unique<AttachmentT>();
  attachment->name = std::move(name);
  program.attachments.push_back(std::move(attachment));
  attachments.push_back(std::move(source));
}

void Writer::setWeight(size_t index, WeightSource source) {
  if (weights.size() <= index)
    weights.resize(index + 1);
  weights[index] = std::move(source);
}

/// Appends the bytes of a source, which `what` names, to the file and to the
/// hashes.
static Status writeSource(OutputFile &file, const WeightSource &source,
                          const std::string &what, Hasher *section,
                          Hasher &own) {
  uint64_t size = 0;
  ByteSink sink = [&](const void *data, size_t bytes) {
    own.add(data, bytes);
    if (section)
      section->add(data, bytes);
    size += bytes;
    return file.write(data, bytes);
  };
  Status status =
      source.produce ? source.produce(sink) : sink(source.data, source.size);
  if (status.failed())
    return status;
  if (size != source.size)
    return Status::error(what + " has " + std::to_string(size) +
                         " bytes where " + std::to_string(source.size) +
                         " were announced");
  return Status::success();
}

/// Appends the bytes of a weight, in `section` too.
static Status writeWeight(OutputFile &file, const WeightSource &source,
                          Hasher &section, WeightT &weight) {
  Hasher own;
  if (Status status = writeSource(file, source, "weight '" + weight.name + "'",
                                  &section, own);
      status.failed())
    return status;
  weight.size = source.size;
  weight.hash = own.finish();
  return Status::success();
}

/// Appends the weights section, if any weight belongs into it.
static Status writeWeights(OutputFile &file, ProgramT &program,
                           const std::vector<WeightSource> &sources,
                           Section &section) {
  static const char zeros[weightAlignment] = {};
  section = {SectionKind::Weights, 0, file.offset(), 0, 0};
  Hasher hasher;
  for (size_t i = 0; i < program.weights.size(); ++i) {
    WeightT &weight = *program.weights[i];
    if (!weight.file.empty() || weight.absent)
      continue;
    if (i >= sources.size() ||
        (!sources[i].data && !sources[i].produce && sources[i].size))
      return Status::error("weight '" + weight.name + "' has no bytes");
    uint64_t offset = file.offset() - section.offset;
    uint64_t gap = alignUp(offset, weightAlignment) - offset;
    hasher.add(zeros, gap);
    if (Status status = file.write(zeros, gap); status.failed())
      return status;
    weight.offset = offset + gap;
    if (Status status = writeWeight(file, sources[i], hasher, weight);
        status.failed())
      return status;
  }
  section.size = file.offset() - section.offset;
  section.hash = hasher.finish();
  return Status::success();
}

/// Appends one section that is in memory.
static Status writeBlob(OutputFile &file, SectionKind kind, const void *data,
                        size_t size, Section &section) {
  if (Status status = file.padTo(alignUp(file.offset(), sectionAlignment));
      status.failed())
    return status;
  section = {kind, 0, file.offset(), size, hashBytes(data, size)};
  return file.write(data, size);
}

/// Appends one section that is streamed.
static Status writeAttachment(OutputFile &file, const std::string &name,
                              const WeightSource &source, Section &section) {
  if (Status status = file.padTo(alignUp(file.offset(), sectionAlignment));
      status.failed())
    return status;
  uint64_t begin = file.offset();
  Hasher hasher;
  if (Status status = writeSource(file, source, "attachment '" + name + "'",
                                  nullptr, hasher);
      status.failed())
    return status;
  section = {SectionKind::Attachment, 0, begin, source.size, hasher.finish()};
  return Status::success();
}

Status Writer::write(const std::string &path) {
  if (program.objects.size() != objects.size())
    return Status::error("the program lists " +
                         std::to_string(program.objects.size()) + " objects, " +
                         std::to_string(objects.size()) + " were added");
  bool hasWeights = false;
  for (const std::unique_ptr<WeightT> &weight : program.weights)
    hasWeights |= weight->file.empty() && !weight->absent;
  if (program.attachments.size() != attachments.size())
    return Status::error("the program lists attachments that were not added");
  std::vector<Section> sections(hasWeights + objects.size() +
                                attachments.size() + 1);

  Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (file.failed())
    return file.status();
  // Room for header and table, which are known last.
  OutputFile &out = **file;
  uint64_t table = sizeof(Header) + sections.size() * sizeof(Section);
  if (Status status = out.padTo(alignUp(table, sectionAlignment));
      status.failed())
    return status;

  // Weights first: the program holds their hashes, and they are streamed.
  size_t next = 0;
  if (hasWeights)
    if (Status status = writeWeights(out, program, weights, sections[next++]);
        status.failed())
      return status;
  for (size_t i = 0; i < objects.size(); ++i) {
    program.objects[i]->section = static_cast<uint32_t>(next);
    if (Status status = writeBlob(out, SectionKind::Object, objects[i].data(),
                                  objects[i].size(), sections[next++]);
        status.failed())
      return status;
  }
  for (size_t i = 0; i < attachments.size(); ++i) {
    program.attachments[i]->section = static_cast<uint32_t>(next);
    if (Status status = writeAttachment(out, program.attachments[i]->name,
                                        attachments[i], sections[next++]);
        status.failed())
      return status;
  }
  flatbuffers::FlatBufferBuilder builder(1 << 16);
  FinishProgramBuffer(builder, Program::Pack(builder, &program));
  sections[next].kind = SectionKind::Program;
  if (Status status = verifyProgram(builder.GetBufferPointer(),
                                    builder.GetSize(), sections);
      status.failed())
    return Status::error("internal error: the program to write is wrong: " +
                         status.message());
  if (Status status =
          writeBlob(out, SectionKind::Program, builder.GetBufferPointer(),
                    builder.GetSize(), sections[next]);
      status.failed())
    return status;

  std::vector<char> header = encodeHeader(sections);
  if (Status status = out.overwrite(0, header.data(), header.size());
      status.failed())
    return status;
  return out.commit();
}
