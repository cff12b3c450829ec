//===- ProgramFile.cpp - Programs as bytes --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Little endian; every part follows the one before it, and the sizes of all
// follow from the header:
//
//   header (80 bytes) | words | streams | constants | parameters | names | data
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Program.h"
#include "lib/artifact/Hash.h"

#include <cctype>
#include <cstring>

using namespace narae;
using namespace narae::npu;

namespace {
constexpr char magic[8] = {'N', 'A', 'R', 'A', 'E', 'N', 'P', 'U'};

/// As stored; the hash is of the whole file with this field zero.
struct FileHeader {
  char magic[8];
  uint16_t major, minor;
  uint32_t headerSize;
  uint64_t fileSize;
  uint64_t machineHash;
  uint32_t words, streams, constants, parameters;
  uint64_t nameBytes;
  uint64_t dataBytes;
  uint64_t reserved;
  uint64_t hash;
};
static_assert(sizeof(FileHeader) == 80, "stored as it is");

struct StreamRow {
  uint8_t engine;
  uint8_t reserved[3];
  int32_t unit, queue;
  uint32_t first, words;
  uint32_t reserved2;
};
static_assert(sizeof(StreamRow) == 24, "stored as it is");

struct ConstantRow {
  uint8_t space;
  uint8_t reserved[3];
  int32_t unit;
  uint64_t address, bytes;
};
static_assert(sizeof(ConstantRow) == 24, "stored as it is");

struct ParameterRow {
  int64_t low, high;
  uint32_t nameBytes;
  uint32_t reserved;
};
static_assert(sizeof(ParameterRow) == 24, "stored as it is");

constexpr size_t hashAt = offsetof(FileHeader, hash);

/// Reads rows one after the other; the caller has proven that they are there.
class Cursor {
public:
  explicit Cursor(const uint8_t *at) : at(at) {}
  template <typename Row>
  Row row() {
    Row result;
    std::memcpy(&result, at, sizeof(Row));
    at += sizeof(Row);
    return result;
  }
  const uint8_t *bytes(size_t count) {
    const uint8_t *begin = at;
    at += count;
    return begin;
  }

private:
  const uint8_t *at;
};
} // namespace

static uint64_t hashFile(const uint8_t *data, size_t size) {
  artifact::Hasher hasher;
  const uint64_t zero = 0;
  hasher.add(data, hashAt);
  hasher.add(&zero, sizeof(zero));
  hasher.add(data + sizeof(FileHeader), size - sizeof(FileHeader));
  return hasher.finish();
}

std::vector<uint8_t> narae::npu::writeProgram(const Program &program) {
  std::vector<uint8_t> file(sizeof(FileHeader));
  auto append = [&](const void *data, size_t size) {
    auto *bytes = static_cast<const uint8_t *>(data);
    file.insert(file.end(), bytes, bytes + size);
  };
  FileHeader header{};
  std::memcpy(header.magic, magic, sizeof(magic));
  header.major = programMajor;
  header.minor = programMinor;
  header.headerSize = sizeof(FileHeader);
  header.machineHash = program.machineHash;
  header.words = uint32_t(program.code.size());
  header.streams = uint32_t(program.streams.size());
  header.constants = uint32_t(program.constants.size());
  header.parameters = uint32_t(program.parameters.size());
  for (const Word &word : program.code)
    append(word.data(), word.size());
  for (const Stream &stream : program.streams) {
    StreamRow row{};
    row.engine = uint8_t(stream.engine.engine);
    row.unit = stream.engine.unit;
    row.queue = stream.engine.queue;
    row.first = stream.first;
    row.words = stream.words;
    append(&row, sizeof(row));
  }
  for (const Constant &constant : program.constants) {
    ConstantRow row{};
    row.space = uint8_t(constant.space);
    row.unit = constant.unit;
    row.address = constant.address;
    row.bytes = constant.bytes.size();
    header.dataBytes += row.bytes;
    append(&row, sizeof(row));
  }
  for (const Parameter &parameter : program.parameters) {
    ParameterRow row{};
    row.low = parameter.low;
    row.high = parameter.high;
    row.nameBytes = uint32_t(parameter.name.size());
    header.nameBytes += row.nameBytes;
    append(&row, sizeof(row));
  }
  for (const Parameter &parameter : program.parameters)
    append(parameter.name.data(), parameter.name.size());
  for (const Constant &constant : program.constants)
    append(constant.bytes.data(), constant.bytes.size());
  header.fileSize = file.size();
  std::memcpy(file.data(), &header, sizeof(header));
  header.hash = hashFile(file.data(), file.size());
  std::memcpy(file.data() + hashAt, &header.hash, sizeof(header.hash));
  return file;
}

/// Whether a sum of sizes is the file's, without overflow.
static bool fits(const FileHeader &header, size_t size) {
  uint64_t rest = size - sizeof(FileHeader);
  auto take = [&](uint64_t count, uint64_t each) {
    if (count > rest / each)
      return false;
    rest -= count * each;
    return true;
  };
  return take(header.words, wordBytes) &&
         take(header.streams, sizeof(StreamRow)) &&
         take(header.constants, sizeof(ConstantRow)) &&
         take(header.parameters, sizeof(ParameterRow)) &&
         take(header.nameBytes, 1) && take(header.dataBytes, 1) && rest == 0;
}

static Status checkHeader(const FileHeader &header, const uint8_t *data,
                          size_t size) {
  if (std::memcmp(header.magic, magic, sizeof(magic)) != 0)
    return Status::error("not an NPU program: the file does not begin with "
                         "NARAENPU");
  if (header.major != programMajor)
    return Status::error("the program has format " +
                         std::to_string(header.major) + "." +
                         std::to_string(header.minor) + "; this is " +
                         std::to_string(programMajor) + "." +
                         std::to_string(programMinor) + ": compile it again");
  if (header.headerSize != sizeof(FileHeader) || header.reserved != 0)
    return Status::error("the program's header is damaged");
  if (header.fileSize != size)
    return Status::error("the program should have " +
                         std::to_string(header.fileSize) + " bytes, but has " +
                         std::to_string(size) + ": it was cut or grew");
  if (!fits(header, size))
    return Status::error("the program's counts do not add up to its size");
  if (header.hash != hashFile(data, size))
    return Status::error("the program's hash is wrong: bytes were changed");
  return Status::success();
}

static bool isName(const std::string &name) {
  for (char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.')
      return false;
  return !name.empty();
}

Expected<Program> narae::npu::readProgram(const uint8_t *data, size_t size) {
  if (size < sizeof(FileHeader))
    return Status::error("not an NPU program: " + std::to_string(size) +
                         " bytes are less than a header");
  Cursor cursor(data);
  FileHeader header = cursor.row<FileHeader>();
  if (Status status = checkHeader(header, data, size); status.failed())
    return status;

  Program program;
  program.machineHash = header.machineHash;
  program.code.resize(header.words);
  for (Word &word : program.code)
    std::memcpy(word.data(), cursor.bytes(wordBytes), wordBytes);
  for (uint32_t i = 0; i < header.streams; ++i) {
    auto row = cursor.row<StreamRow>();
    if (row.engine >= engineCount || row.reserved[0] || row.reserved[1] ||
        row.reserved[2] || row.reserved2)
      return Status::error("stream " + std::to_string(i) +
                           " of the program has an unknown engine or reserved "
                           "bytes that are not zero");
    program.streams.push_back(
        {{Engine(row.engine), row.unit, row.queue}, row.first, row.words});
  }
  uint64_t dataBytes = 0, nameBytes = 0;
  for (uint32_t i = 0; i < header.constants; ++i) {
    auto row = cursor.row<ConstantRow>();
    if (!choiceText(OperandKind::SpaceKind, row.space) || row.reserved[0] ||
        row.reserved[1] || row.reserved[2] ||
        row.bytes > header.dataBytes - dataBytes)
      return Status::error("constant " + std::to_string(i) +
                           " of the program has an unknown memory, reserved "
                           "bytes that are not zero, or no data");
    dataBytes += row.bytes;
    program.constants.push_back({Space(row.space), row.unit, row.address,
                                 std::vector<uint8_t>(size_t(row.bytes))});
  }
  std::vector<uint32_t> lengths;
  for (uint32_t i = 0; i < header.parameters; ++i) {
    auto row = cursor.row<ParameterRow>();
    if (row.reserved || row.nameBytes > header.nameBytes - nameBytes ||
        row.low > row.high)
      return Status::error("parameter " + std::to_string(i) +
                           " of the program is damaged");
    nameBytes += row.nameBytes;
    lengths.push_back(row.nameBytes);
    program.parameters.push_back({"", row.low, row.high});
  }
  if (dataBytes != header.dataBytes || nameBytes != header.nameBytes)
    return Status::error("the program's counts do not add up to its size");
  for (uint32_t i = 0; i < header.parameters; ++i) {
    std::string &name = program.parameters[i].name;
    name.assign(reinterpret_cast<const char *>(cursor.bytes(lengths[i])),
                lengths[i]);
    if (!isName(name))
      return Status::error("the name of parameter " + std::to_string(i) +
                           " of the program is not made of letters, digits, "
                           "'_' and '.'");
  }
  for (Constant &constant : program.constants)
    if (!constant.bytes.empty())
      std::memcpy(constant.bytes.data(), cursor.bytes(constant.bytes.size()),
                  constant.bytes.size());
  return program;
}
