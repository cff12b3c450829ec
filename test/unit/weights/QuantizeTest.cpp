//===- QuantizeTest.cpp - Numbers into quantised blocks -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Blocks are read back as GGUF defines them.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/quantize/Blocks.h"
#include "lib/frontend/quantize/Numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace narae;
using namespace narae::quantize;
using language::Storage;

static float half(const char *at) {
  uint16_t bits;
  std::memcpy(&bits, at, sizeof(bits));
  return fromHalf(bits);
}

static std::vector<float>
readBack(Storage storage, const std::vector<char> &bytes, size_t count) {
  std::vector<float> x(count);
  const char *at = bytes.data();
  if (storage == Storage::Q8_0)
    for (size_t i = 0; i < count; i += 32, at += 34)
      for (size_t j = 0; j < 32; ++j)
        x[i + j] = half(at) * float(static_cast<signed char>(at[2 + j]));
  if (storage == Storage::Q4_0)
    for (size_t i = 0; i < count; i += 32, at += 18)
      for (size_t j = 0; j < 16; ++j) {
        x[i + j] = half(at) * float((at[2 + j] & 15) - 8);
        x[i + 16 + j] = half(at) * float((at[2 + j] >> 4 & 15) - 8);
      }
  if (storage == Storage::Q4_K)
    for (size_t i = 0; i < count; i += 256, at += 144) {
      const auto *s = reinterpret_cast<const uint8_t *>(at + 4);
      for (size_t j = 0; j < 8; ++j) {
        int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
        int low = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
        for (size_t k = 0; k < 32; ++k) {
          int byte = static_cast<uint8_t>(at[16 + 32 * (j / 2) + k]);
          int q = j % 2 ? byte >> 4 : byte & 15;
          x[i + 32 * j + k] =
              half(at) * float(scale * q) - half(at + 2) * float(low);
        }
      }
    }
  return x;
}

/// Root mean square of the error over that of the numbers.
static double loss(Storage storage, size_t blockBytes, size_t elements,
                   const std::vector<float> &x) {
  std::vector<char> bytes(x.size() / elements * blockBytes);
  quantizeBlocks(storage, x.data(), int64_t(x.size()), bytes.data());
  std::vector<float> y = readBack(storage, bytes, x.size());
  double error = 0, sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::pow(double(y[i]) - double(x[i]), 2);
    sum += double(x[i]) * double(x[i]);
  }
  return std::sqrt(error / sum);
}

static std::vector<float> gaussian(float mean) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(mean, 1);
  std::vector<float> x(256 * 64);
  for (float &value : x)
    value = normal(engine);
  return x;
}

TEST(Quantize, LossOfGaussianNumbers) {
  // Rounding to steps of s has an error of s / sqrt(12). The largest of 32 is
  // about 2.07 deviations (q8_0: s = 2.07 / 127), and twice that over 15 steps.
  std::vector<float> x = gaussian(0);
  EXPECT_LT(loss(Storage::Q8_0, 34, 32, x), 0.0065);
  EXPECT_LT(loss(Storage::Q4_0, 18, 32, x), 0.10);
  EXPECT_LT(loss(Storage::Q4_K, 144, 256, x), 0.085);
  // A common offset costs q4_k nothing.
  EXPECT_LT(loss(Storage::Q4_K, 144, 256, gaussian(-8)),
            0.5 * loss(Storage::Q4_0, 18, 32, gaussian(-8)));
}

TEST(Quantize, ExactNumbers) {
  std::vector<float> zero(256), ramp(256);
  for (size_t i = 0; i < 256; ++i)
    ramp[i] = float(i % 16) - 8;
  EXPECT_EQ(loss(Storage::Q4_0, 18, 32, ramp), 0);
  for (auto [storage, bytes] : {std::pair(Storage::Q8_0, 8 * 34),
                                {Storage::Q4_0, 8 * 18},
                                {Storage::Q4_K, 144}}) {
    std::vector<char> to(static_cast<size_t>(bytes), 1);
    quantizeBlocks(storage, zero.data(), 256, to.data());
    EXPECT_EQ(readBack(storage, to, 256), zero);
  }
}

TEST(Quantize, Halves) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = fromHalf(uint16_t(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(fromHalf(halfOf(value))));
    else
      EXPECT_EQ(halfOf(value), bits);
  }
  EXPECT_EQ(fromHalf(halfOf(65519.0f)), 65504.0f);
  EXPECT_EQ(fromHalf(halfOf(65520.0f)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(fromHalf(halfOf(1 + 0x1p-11f)), 1.0f); // ties to even
  EXPECT_EQ(fromHalf(halfOf(1 + 3 * 0x1p-11f)), 1 + 0x1p-9f);
  EXPECT_EQ(fromHalf(halfOf(0x1p-25f)), 0.0f);
}

TEST(Quantize, Widening) {
  float x[3];
  const unsigned char f8[] = {0x7e, 0x01, 0xb8}; // 448, 2^-9, -1
  widen(Storage::F8E4M3, reinterpret_cast<const char *>(f8), 3, x);
  EXPECT_EQ(x[0], 448);
  EXPECT_EQ(x[1], 0x1p-9f);
  EXPECT_EQ(x[2], -1);
  const unsigned char bf16[] = {0x80, 0x3f, 0x00, 0xc0}; // 1, -2
  widen(Storage::BF16, reinterpret_cast<const char *>(bf16), 2, x);
  EXPECT_EQ(x[0], 1);
  EXPECT_EQ(x[1], -2);
}
