//===- TensorTypes.cpp - Element types of GGUF files ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/TensorTypes.h"

#include "llvm/ADT/Twine.h"

namespace narae::gguf {

using language::Storage;

static const TensorType types[] = {
    {0, "F32", 1, 4, Storage::F32},
    {1, "F16", 1, 2, Storage::F16},
    {30, "BF16", 1, 2, Storage::BF16},
    {2, "Q4_0", 32, 18, Storage::Q4_0},
    {3, "Q4_1", 32, 20, Storage::Q4_1},
    {6, "Q5_0", 32, 22, Storage::Q5_0},
    {7, "Q5_1", 32, 24, Storage::Q5_1},
    {8, "Q8_0", 32, 34, Storage::Q8_0},
    {10, "Q2_K", 256, 84, Storage::Q2_K},
    {11, "Q3_K", 256, 110, Storage::Q3_K},
    {12, "Q4_K", 256, 144, Storage::Q4_K},
    {13, "Q5_K", 256, 176, Storage::Q5_K},
    {14, "Q6_K", 256, 210, Storage::Q6_K},
    {20, "IQ4_NL", 32, 18, Storage::IQ4_NL},
};

/// Types that are only named in messages, by number.
static const struct {
  uint32_t number;
  llvm::StringLiteral name;
} otherTypes[] = {
    {4, "Q4_2"},     {5, "Q4_3"},    {9, "Q8_1"},     {15, "Q8_K"},
    {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {21, "IQ3_S"},   {22, "IQ2_S"},  {23, "IQ4_XS"},  {24, "I8"},
    {25, "I16"},     {26, "I32"},    {27, "I64"},     {28, "F64"},
    {29, "IQ1_M"},   {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"},
    {40, "NVFP4"},
};

const TensorType *findTensorType(uint32_t number) {
  for (const TensorType &type : types)
    if (type.number == number)
      return &type;
  return nullptr;
}

std::string tensorTypeName(uint32_t number) {
  if (const TensorType *type = findTensorType(number))
    return type->name.str();
  for (const auto &type : otherTypes)
    if (type.number == number)
      return type.name.str();
  return ("number " + llvm::Twine(number)).str();
}

std::string supportedTensorTypes() {
  std::string list;
  for (const TensorType &type : types)
    list += (&type == types                 ? ""
             : &type + 1 == std::end(types) ? " and "
                                            : ", ") +
            type.name.str();
  return list;
}

uint64_t storageBytes(Storage storage, uint64_t elements) {
  for (const TensorType &type : types)
    if (type.storage == storage)
      return elements / type.elements * type.bytes;
  return 0;
}

} // namespace narae::gguf
