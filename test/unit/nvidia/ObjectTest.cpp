//===- ObjectTest.cpp - The container of compiled kernels ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/object/Object.h"

#include <gtest/gtest.h>

using namespace narae::nvidia;

namespace {

KernelObject sample() {
  KernelObject object;
  object.chip = "sm_80";
  object.modules.push_back({".version 7.4", "", "BC"});
  object.modules.push_back({".version 7.4 // two", "cubin", ""});
  object.kernels.push_back({"scale", "k0", 0, 2, 1, 128});
  object.kernels.push_back({"add", "k0", 1, 3, 0, 256});
  return object;
}

TEST(NvidiaObject, RoundTrip) {
  std::string bytes = writeObject(sample());
  EXPECT_EQ(bytes, writeObject(sample()));
  auto read = readObject(bytes);
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(read->chip, "sm_80");
  ASSERT_EQ(read->modules.size(), 2u);
  EXPECT_EQ(read->modules[1].cubin, "cubin");
  EXPECT_EQ(read->modules[0].bitcode, "BC");
  ASSERT_EQ(read->kernels.size(), 2u);
  EXPECT_EQ(read->kernels[0].name, "add");
  EXPECT_EQ(read->kernels[1].buffers, 2u);
  EXPECT_EQ(read->kernels[1].threads, 128u);
}

TEST(NvidiaObject, ContradictionsAreRefused) {
  auto messageOf = [](void (*spoil)(KernelInfo &)) {
    KernelObject object = sample();
    spoil(object.kernels[0]);
    return readObject(writeObject(object)).message();
  };
  EXPECT_EQ(messageOf([](KernelInfo &k) { k.module = 2; }),
            "kernel 'scale' is in a module that does not exist");
  EXPECT_EQ(messageOf([](KernelInfo &k) { k.threads = 0; }),
            "kernel 'scale' has blocks of 0 threads");
  EXPECT_EQ(messageOf([](KernelInfo &k) { k.threads = 1025; }),
            "kernel 'scale' has blocks of 1025 threads");
  EXPECT_EQ(messageOf([](KernelInfo &k) { k.params = 511; }),
            "kernel 'scale' has more parameters than PTX allows");
  EXPECT_EQ(messageOf([](KernelInfo &k) { k.buffers = 0xffffffff; }),
            "kernel 'scale' has more parameters than PTX allows");
}

TEST(NvidiaObject, DamagedBytesAreReadSafely) {
  std::string bytes = writeObject(sample());
  for (size_t size = 0; size < bytes.size(); ++size)
    (void)readObject(std::string_view(bytes).substr(0, size));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (unsigned char change : {0x01, 0x80, 0xff}) {
      std::string copy = bytes;
      copy[at] = static_cast<char>(copy[at] ^ change);
      if (auto read = readObject(copy); read.ok()) {
        EXPECT_EQ(read->modules[0].bitcode, "BC");
        for (const KernelInfo &kernel : read->kernels)
          EXPECT_LT(kernel.module, read->modules.size());
      }
    }
}

} // namespace
