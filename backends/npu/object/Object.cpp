//===- Object.cpp - Objects as bytes --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Little endian. A header of 48 bytes (magic, u16 major, u16 minor, u32 number
// of kernels, u64 hash of the machine, u64 bytes of the file, u64 0, u64 XXH3
// of the file with this field 0), then the kernels. Texts, lists and blobs
// begin with their length; a program is a program file.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/object/Object.h"
#include "lib/artifact/Hash.h"

#include <cstring>

using namespace narae;
using namespace narae::npu;

static constexpr char magic[9] = "NARAENPO";
static constexpr size_t headerBytes = 48, hashPlace = 40;

static uint64_t hashOf(const uint8_t *data, size_t size) {
  artifact::Hasher hasher;
  const uint64_t zero = 0;
  hasher.add(data, hashPlace);
  hasher.add(&zero, sizeof(zero));
  hasher.add(data + headerBytes, size - headerBytes);
  return hasher.finish();
}

namespace {
class Writer {
public:
  std::vector<uint8_t> bytes;

  template <typename T>
  void number(T value) {
    add(&value, sizeof(value));
  }
  void add(const void *data, size_t size) {
    auto *at = static_cast<const uint8_t *>(data);
    bytes.insert(bytes.end(), at, at + size);
  }
  void blob(const void *data, size_t size) {
    number(uint64_t(size));
    add(data, size);
  }
};

/// Reads as long as there are bytes; afterwards `good` is false, and all that
/// it returns is zero.
class Reader {
public:
  Reader(const uint8_t *data, size_t size) : at(data), left(size) {}
  bool good = true;
  size_t rest() const { return left; }

  template <typename T>
  T number() {
    T value{};
    if (take(sizeof(T)))
      std::memcpy(&value, at - sizeof(T), sizeof(T));
    return value;
  }
  /// The length of a list whose elements take `least` bytes each.
  uint32_t count(size_t least) {
    auto result = number<uint32_t>();
    if (result > left / least)
      good = false;
    return good ? result : 0;
  }
  std::pair<const uint8_t *, size_t> blob() {
    auto size = number<uint64_t>();
    if (!take(size))
      return {at, 0};
    return {at - size, size_t(size)};
  }
  std::string text() {
    auto [data, size] = blob();
    return std::string(reinterpret_cast<const char *>(data), size);
  }

private:
  bool take(uint64_t size) {
    if (!good || size > left)
      return good = false;
    at += size;
    left -= size_t(size);
    return true;
  }
  const uint8_t *at;
  size_t left;
};
} // namespace

static void write(Writer &out, const Kernel &kernel) {
  out.blob(kernel.name.data(), kernel.name.size());
  out.number(kernel.buffers);
  out.number(kernel.params);
  out.number(uint32_t(kernel.numbers.size()));
  for (const Number &n : kernel.numbers) {
    out.number(uint32_t(n.kind));
    out.number(n.a);
    out.number(n.b);
    out.number(n.c);
    out.number(n.value);
  }
  out.number(uint32_t(kernel.bindings.size()));
  for (uint32_t binding : kernel.bindings)
    out.number(binding);
  out.number(uint32_t(kernel.requirements.size()));
  for (const Requirement &requirement : kernel.requirements) {
    out.number(requirement.number);
    out.blob(requirement.message.data(), requirement.message.size());
  }
  out.blob(kernel.constants.data(), kernel.constants.size());
  std::vector<uint8_t> program = writeProgram(kernel.program);
  out.blob(program.data(), program.size());
}

std::vector<uint8_t> narae::npu::writeObject(const Object &object) {
  Writer out;
  out.add(magic, 8);
  out.number(objectMajor);
  out.number(objectMinor);
  out.number(uint32_t(object.kernels.size()));
  out.number(object.machineHash);
  out.bytes.resize(headerBytes);
  for (const Kernel &kernel : object.kernels)
    write(out, kernel);
  auto patch = [&](size_t place, uint64_t value) {
    std::memcpy(out.bytes.data() + place, &value, sizeof(value));
  };
  patch(24, out.bytes.size());
  patch(hashPlace, hashOf(out.bytes.data(), out.bytes.size()));
  return std::move(out.bytes);
}

/// What is wrong with the references of a kernel; "" when nothing is.
static std::string check(const Kernel &kernel) {
  for (size_t i = 0; i < kernel.numbers.size(); ++i) {
    const Number &n = kernel.numbers[i];
    bool fine = true;
    switch (n.kind) {
    case NumberKind::Constant:
      break;
    case NumberKind::Param:
      fine = n.a < kernel.params;
      break;
    case NumberKind::Pool:
    case NumberKind::Offset:
      fine = n.a < uint64_t(kernel.buffers) + 2;
      break;
    default:
      fine = n.a < i && n.b < i && n.c < i;
    }
    if (!fine)
      return "number " + std::to_string(i) + " refers to what is not there";
  }
  for (uint32_t binding : kernel.bindings)
    if (binding >= kernel.numbers.size())
      return "a parameter is bound to a number that is not there";
  for (const Requirement &requirement : kernel.requirements)
    if (requirement.number >= kernel.numbers.size())
      return "a requirement refers to a number that is not there";
  if (kernel.bindings.size() != kernel.program.parameters.size())
    return "the program has " +
           std::to_string(kernel.program.parameters.size()) +
           " parameters, but " + std::to_string(kernel.bindings.size()) +
           " are bound";
  return "";
}

static Status read(Reader &in, Kernel &kernel) {
  kernel.name = in.text();
  kernel.buffers = in.number<uint32_t>();
  kernel.params = in.number<uint32_t>();
  kernel.numbers.resize(in.count(24));
  for (Number &n : kernel.numbers) {
    auto kind = in.number<uint32_t>();
    if (kind >= uint32_t(numberKinds))
      return Status::error("kernel '" + kernel.name +
                           "' has a number of kind " + std::to_string(kind) +
                           ", which is not known");
    n.kind = NumberKind(kind);
    n.a = in.number<uint32_t>();
    n.b = in.number<uint32_t>();
    n.c = in.number<uint32_t>();
    n.value = in.number<int64_t>();
  }
  kernel.bindings.resize(in.count(4));
  for (uint32_t &binding : kernel.bindings)
    binding = in.number<uint32_t>();
  kernel.requirements.resize(in.count(12));
  for (Requirement &requirement : kernel.requirements) {
    requirement.number = in.number<uint32_t>();
    requirement.message = in.text();
  }
  auto [data, size] = in.blob();
  kernel.constants.assign(data, data + size);
  auto [code, codeSize] = in.blob();
  if (!in.good)
    return Status::error("the object ends inside of a kernel");
  auto program = readProgram(code, codeSize);
  if (program.failed())
    return Status::error("kernel '" + kernel.name + "': " + program.message());
  kernel.program = std::move(*program);
  std::string problem = check(kernel);
  if (!problem.empty())
    return Status::error("kernel '" + kernel.name + "': " + problem);
  return Status::success();
}

Expected<Object> narae::npu::readObject(const uint8_t *data, size_t size) {
  if (size < headerBytes || std::memcmp(data, magic, 8) != 0)
    return Status::error("no object of an NPU");
  Reader in(data, size);
  in.number<uint64_t>();
  auto major = in.number<uint16_t>(), minor = in.number<uint16_t>();
  if (major != objectMajor || minor > objectMinor)
    return Status::error("an object of version " + std::to_string(major) + "." +
                         std::to_string(minor) + "; this program reads " +
                         std::to_string(objectMajor) + "." +
                         std::to_string(objectMinor));
  auto kernels = in.number<uint32_t>();
  Object object;
  object.machineHash = in.number<uint64_t>();
  auto bytes = in.number<uint64_t>(), reserved = in.number<uint64_t>();
  auto hash = in.number<uint64_t>();
  if (bytes != size || reserved != 0)
    return Status::error("the object is cut off or has bytes behind its end");
  if (hash != hashOf(data, size))
    return Status::error("the object's hash does not fit its bytes");
  // Each takes more bytes than that.
  if (kernels > size / 48)
    return Status::error("the object has fewer kernels than it says");
  for (uint32_t i = 0; i < kernels; ++i) {
    Kernel kernel;
    if (Status status = read(in, kernel); status.failed())
      return status;
    object.kernels.push_back(std::move(kernel));
  }
  if (in.rest())
    return Status::error("the object has bytes behind its last kernel");
  return object;
}
