//===- ProgramVerifier.cpp - Refuses wrong programs ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/EntryVerifier.h"
#include "lib/artifact/Types.h"
#include "narae/runtime.h"

#include <algorithm>
#include <set>
#include <string>

using namespace narae;
using namespace narae::artifact;

/// Far beyond any memory, far below what sums of it could overflow.
static constexpr uint64_t maxStateBytes = uint64_t(1) << 56;

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
  if (weight.absent())
    return Status::success();
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

/// What a state says of itself; its place is compared with the others'.
static Status verifyState(const State &state, const std::string &what) {
  if (!typeSize(state.type()) || state.type() == NARAE_STRING)
    return Status::error(what + " is of unknown type " + number(state.type()));
  NARAE_TRY(checkAlignment("the dimensions of " + what, state.dims(),
                           alignof(int64_t)));
  int64_t bytes = 0;
  if (!tensorBytes(state.dims() ? state.dims()->data() : nullptr,
                   count(state.dims()), state.type(), bytes))
    return Status::error(what + " has impossible dimensions");
  if (static_cast<uint64_t>(bytes) != state.size())
    return Status::error(what + " has " + number(state.size()) +
                         " bytes, its dimensions say " +
                         number(static_cast<uint64_t>(bytes)));
  if (state.offset() % weightAlignment)
    return Status::error(what + " is not aligned");
  if (state.offset() > maxStateBytes || state.size() > maxStateBytes)
    return Status::error(what + " has an impossible range");
  std::string kind = text(state.kind());
  if (kind != "growing" && kind != "ring" && kind != "plain")
    return Status::error(what + " is of unknown kind '" + kind + "'");
  if (kind != "plain" && state.axis() >= count(state.dims()))
    return Status::error("the axis of " + what + " is none of its dimensions");
  if (state.window() < 0)
    return Status::error("the window of " + what + " is negative");
  return Status::success();
}

static Status verifyStates(const Program &program) {
  std::set<std::string> names;
  std::vector<const State *> order;
  for (uint32_t i = 0; i < count(program.states()); ++i) {
    const State &state = *program.states()->Get(i);
    std::string what = "state '" + std::string(text(state.name())) + "'";
    NARAE_TRY(verifyState(state, what));
    if (!names.insert(text(state.name())).second)
      return Status::error("there are two of " + what);
    order.push_back(&state);
  }
  std::sort(order.begin(), order.end(), [](const State *a, const State *b) {
    return a->offset() < b->offset();
  });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i - 1]->offset() + order[i - 1]->size() > order[i]->offset())
      return Status::error("states '" +
                           std::string(text(order[i - 1]->name())) + "' and '" +
                           text(order[i]->name()) + "' overlap");
  return Status::success();
}

static Status verifyAttachments(const Program &program,
                                const std::vector<Section> &sections) {
  std::set<std::string> names;
  for (uint32_t i = 0; i < count(program.attachments()); ++i) {
    const Attachment &attachment = *program.attachments()->Get(i);
    std::string what = "the section of attachment " + number(i);
    NARAE_TRY(checkIndex(what, attachment.section(), sections.size()));
    if (sections[attachment.section()].kind != SectionKind::Attachment)
      return Status::error(what + " holds no attachment");
    if (!names.insert(text(attachment.name())).second)
      return Status::error("there are two attachments '" +
                           std::string(text(attachment.name())) + "'");
  }
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
  NARAE_TRY(verifyStates(program));
  NARAE_TRY(verifyAttachments(program, sections));
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
