//===- ValuesTest.cpp - Elements and .npy files ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Values.h"
#include "test/unit/runtime/TestSession.h"
#include "tools/narae-run/Npy.h"

#include <cmath>
#include <cstring>

using namespace narae;
using namespace narae::test;

TEST(Values, EveryCodeSurvives) {
  for (narae_type type : {NARAE_F16, NARAE_BF16, NARAE_F8E4M3FN, NARAE_F8E5M2,
                          NARAE_F8E4M3FNUZ, NARAE_F8E5M2FNUZ, NARAE_F8E8M0,
                          NARAE_I8, NARAE_U8, NARAE_I16, NARAE_U16}) {
    unsigned codes = narae_type_size(type) == 1 ? 256 : 65536;
    for (unsigned code = 0; code < codes; ++code) {
      uint16_t stored = static_cast<uint16_t>(code), back = 0;
      double value = readElement(type, &stored, 0);
      if (!std::isfinite(value))
        continue;
      writeElement(type, &back, 0, value);
      EXPECT_EQ(readElement(type, &back, 0), value)
          << narae_type_name(type) << " " << code;
    }
  }
}

TEST(Values, KnownCodes) {
  auto value = [](narae_type type, uint16_t code) {
    return readElement(type, &code, 0);
  };
  EXPECT_EQ(value(NARAE_F16, 0x3c00), 1);
  EXPECT_EQ(value(NARAE_F16, 0x7bff), 65504);
  EXPECT_TRUE(std::isinf(value(NARAE_F16, 0x7c00)));
  EXPECT_EQ(value(NARAE_BF16, 0xc000), -2);
  EXPECT_EQ(value(NARAE_F8E4M3FN, 0x7e), 448);
  EXPECT_TRUE(std::isnan(value(NARAE_F8E4M3FN, 0x7f)));
  EXPECT_EQ(value(NARAE_F8E5M2, 0x7b), 57344);
  EXPECT_EQ(value(NARAE_F8E4M3FNUZ, 0x7f), 240);
  EXPECT_TRUE(std::isnan(value(NARAE_F8E4M3FNUZ, 0x80)));
  EXPECT_EQ(value(NARAE_F8E8M0, 128), 2);
  EXPECT_EQ(value(NARAE_F4E2M1, 7), 6);
}

TEST(Npy, RoundTrip) {
  TemporaryFolder folder;
  std::vector<int64_t> shape = {2, 3};
  for (int type = NARAE_F32; type < NARAE_STRING; ++type) {
    auto element = static_cast<narae_type>(type);
    std::string bytes(6 * narae_type_size(element), '\1');
    Status status =
        writeNpy(folder.file("a.npy"), element, shape, bytes.data());
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(readFile(folder.file("a.npy")).find('\n') % 64, 63u);
    auto array = readNpy(folder.file("a.npy"));
    ASSERT_TRUE(array.ok()) << array.message();
    EXPECT_EQ(array->shape, shape);
    EXPECT_EQ(npyType(*array, element), element);
    EXPECT_EQ(std::string(array->bytes.data(), array->bytes.size()), bytes);
  }
  ASSERT_TRUE(writeNpy(folder.file("a.npy"), NARAE_F32, {}, "abcd").ok());
  EXPECT_TRUE(readNpy(folder.file("a.npy"))->shape.empty());
}

static std::string npyFile(const std::string &dictionary,
                           const std::string &data) {
  std::string length = {static_cast<char>(dictionary.size()), 0};
  return "\x93NUMPY" + std::string("\1\0", 2) + length + dictionary + data;
}

TEST(Npy, FortranOrderAndForeignTypes) {
  TemporaryFolder folder;
  writeFile(folder.file("a.npy"),
            npyFile("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3)}",
                    "adbecf"));
  auto array = readNpy(folder.file("a.npy"));
  ASSERT_TRUE(array.ok()) << array.message();
  EXPECT_EQ(std::string(array->bytes.data(), 6), "abcdef");
  EXPECT_EQ(npyType(*array, NARAE_F8E5M2), NARAE_F8E5M2);
  EXPECT_EQ(npyType(*array, NARAE_F32), NARAE_I8);
}

TEST(Npy, WrongFiles) {
  TemporaryFolder folder;
  auto messageFor = [&](const std::string &bytes) {
    writeFile(folder.file("a.npy"), bytes);
    return readNpy(folder.file("a.npy")).message();
  };
  std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
  EXPECT_EQ(messageFor(npyFile(good, "abcd")), "");
  expectContains(messageFor(npyFile(good, "abc")), "cut off");
  expectContains(messageFor("PK"), "not a .npy file");
  expectContains(
      messageFor(npyFile("{'descr': '>f4', 'fortran_order': False, 'shape': "
                         "(1,)}",
                         "abcd")),
      "'>f4' cannot be read");
  expectContains(
      messageFor(npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, "
                         "'shape': (1,)}",
                         "abcd")),
      "structured");
  expectContains(
      messageFor(npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(9999999999999999999999,)}",
                         "")),
      "cannot be read");
  expectContains(
      messageFor(npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': "
                         "(4611686018427387904, 4)}",
                         "")),
      "cut off");
  std::string file = npyFile(good, "abcd");
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(messageFor(file.substr(0, size)), "");
}
