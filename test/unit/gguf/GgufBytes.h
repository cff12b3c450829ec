//===- GgufBytes.h - Writes GGUF files for tests ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_GGUF_GGUFBYTES_H
#define NARAE_TEST_UNIT_GGUF_GGUFBYTES_H

#include "lib/frontend/gguf/GgufLoader.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace narae::gguf::test {

template <typename T>
void put(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof value);
}
inline void putString(std::string &out, const std::string &text) {
  put<uint64_t>(out, text.size());
  out += text;
}

/// A file that is put together key by key and tensor by tensor. All data is
/// zero unless given.
struct GgufBytes {
  uint32_t version = 3;
  uint64_t keys = 0, tensors = 0;
  std::string keyBytes, tensorBytes, data;

  GgufBytes &key(const std::string &name, uint32_t type,
                 const std::string &value) {
    putString(keyBytes, name);
    put<uint32_t>(keyBytes, type);
    keyBytes += value;
    ++keys;
    return *this;
  }
  template <typename T>
  static std::string raw(T value) {
    std::string bytes;
    put(bytes, value);
    return bytes;
  }
  GgufBytes &u32(const std::string &name, uint32_t value) {
    return key(name, 4, raw(value));
  }
  GgufBytes &f32(const std::string &name, float value) {
    return key(name, 6, raw(value));
  }
  GgufBytes &flag(const std::string &name, bool value) {
    return key(name, 7, raw<uint8_t>(value));
  }
  GgufBytes &text(const std::string &name, const std::string &value) {
    std::string bytes;
    putString(bytes, value);
    return key(name, 8, bytes);
  }
  template <typename T>
  GgufBytes &array(const std::string &name, uint32_t type,
                   const std::vector<T> &values) {
    std::string bytes;
    put<uint32_t>(bytes, type);
    put<uint64_t>(bytes, values.size());
    for (const T &value : values) {
      if constexpr (std::is_same_v<T, std::string>)
        putString(bytes, value);
      else
        put<T>(bytes, value);
    }
    return key(name, 9, bytes);
  }
  /// `shape` row-major; of `type`, with `bytes` bytes of data.
  GgufBytes &tensor(const std::string &name, std::vector<uint64_t> shape,
                    uint32_t type, uint64_t bytes, uint64_t offset) {
    putString(tensorBytes, name);
    put<uint32_t>(tensorBytes, shape.size());
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim)
      put<uint64_t>(tensorBytes, *dim);
    put<uint32_t>(tensorBytes, type);
    put<uint64_t>(tensorBytes, offset);
    if (offset + bytes > data.size() && offset + bytes < (1 << 24))
      data.resize(offset + bytes);
    ++tensors;
    return *this;
  }
  /// An F32 tensor after the others.
  GgufBytes &f32Tensor(const std::string &name, std::vector<uint64_t> shape,
                       const std::vector<float> &values = {}) {
    uint64_t size = 4, at = (data.size() + 31) / 32 * 32;
    for (uint64_t dim : shape)
      size *= dim;
    tensor(name, std::move(shape), 0, size, at);
    if (!values.empty())
      std::memcpy(&data[at], values.data(), size);
    return *this;
  }
  std::string bytes() const {
    std::string out = "GGUF";
    put(out, version);
    put(out, tensors);
    put(out, keys);
    out += keyBytes + tensorBytes;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data;
  }
};

/// All problems, a line each.
inline std::string show(const language::Problems &problems) {
  std::string text;
  for (const language::Problem &problem : problems)
    text += problem.place + ": " + problem.message + "\n";
  return text;
}

inline LoadedModel describe(const std::string &bytes,
                            const GgufOptions &options = {}) {
  LoadedModel result;
  File file = readFile(bytes, "test.gguf", result.problems);
  return result.problems.empty() ? describeModel(file, options)
                                 : std::move(result);
}

/// A decoder of `layers` layers in the manner of Llama: hidden 8, 2 heads over
/// 1 of 4 elements, feed-forward 16, vocabulary 5.
inline GgufBytes smallModel(const std::string &arch, unsigned layers = 2) {
  GgufBytes file;
  file.text("general.architecture", arch)
      .u32(arch + ".block_count", layers)
      .u32(arch + ".context_length", 64)
      .u32(arch + ".embedding_length", 8)
      .u32(arch + ".feed_forward_length", 16)
      .u32(arch + ".attention.head_count", 2)
      .u32(arch + ".attention.head_count_kv", 1)
      .f32(arch + ".attention.layer_norm_rms_epsilon", 1e-5f)
      .f32Tensor("token_embd.weight", {5, 8})
      .f32Tensor("output_norm.weight", {8});
  return file;
}
/// The attention of a layer of it, and its feed-forward part.
inline GgufBytes &addAttention(GgufBytes &file, unsigned layer) {
  std::string prefix = "blk." + std::to_string(layer) + ".";
  return file.f32Tensor(prefix + "attn_norm.weight", {8})
      .f32Tensor(prefix + "attn_q.weight", {8, 8})
      .f32Tensor(prefix + "attn_k.weight", {4, 8})
      .f32Tensor(prefix + "attn_v.weight", {4, 8})
      .f32Tensor(prefix + "attn_output.weight", {8, 8})
      .f32Tensor(prefix + "ffn_norm.weight", {8});
}
inline GgufBytes &addMlp(GgufBytes &file, unsigned layer) {
  std::string prefix = "blk." + std::to_string(layer) + ".";
  return file.f32Tensor(prefix + "ffn_gate.weight", {16, 8})
      .f32Tensor(prefix + "ffn_up.weight", {16, 8})
      .f32Tensor(prefix + "ffn_down.weight", {8, 16});
}
inline GgufBytes smallLlama(const std::string &arch = "llama",
                            unsigned layers = 2) {
  GgufBytes file = smallModel(arch, layers);
  for (unsigned layer = 0; layer < layers; ++layer)
    addMlp(addAttention(file, layer), layer);
  return file;
}

} // namespace narae::gguf::test

#endif // NARAE_TEST_UNIT_GGUF_GGUFBYTES_H
