//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The format: numpy/lib/format.py. Magic, version, length of the header, a
// Python dictionary with 'descr', 'fortran_order' and 'shape', the elements.
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/Npy.h"
#include "lib/artifact/MappedFile.h"
#include "lib/artifact/OutputFile.h"
#include "lib/artifact/Types.h"
#include "tools/narae-run/NpyText.h"

#include <cstdlib>
#include <cstring>

using namespace narae;

namespace {
/// Reads the three values of the header's dictionary.
class HeaderParser {
public:
  HeaderParser(const char *begin, const char *end) : at(begin), end(end) {}
  bool parse(NpyArray &array, bool &fortranOrder);

private:
  void skipSpace() {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\t'))
      ++at;
  }
  bool take(char c) {
    skipSpace();
    if (at == end || *at != c)
      return false;
    ++at;
    return true;
  }
  bool word(const char *text) {
    size_t size = std::strlen(text);
    skipSpace();
    if (static_cast<size_t>(end - at) < size ||
        std::memcmp(at, text, size) != 0)
      return false;
    at += size;
    return true;
  }
  bool string(std::string &result);
  bool shape(std::vector<int64_t> &result);

  const char *at, *end;
};
} // namespace

bool HeaderParser::string(std::string &result) {
  skipSpace();
  if (at == end || (*at != '\'' && *at != '"'))
    return false;
  const char quote = *at++;
  const char *begin = at;
  while (at != end && *at != quote)
    ++at;
  result.assign(begin, at);
  return at++ != end;
}

bool HeaderParser::shape(std::vector<int64_t> &result) {
  if (!take('('))
    return false;
  while (!take(')')) {
    skipSpace();
    int64_t dim = 0;
    const char *begin = at;
    for (; at != end && *at >= '0' && *at <= '9'; ++at)
      if (__builtin_mul_overflow(dim, int64_t(10), &dim) ||
          __builtin_add_overflow(dim, int64_t(*at - '0'), &dim))
        return false;
    if (at == begin)
      return false;
    result.push_back(dim);
    if (at != end && *at == 'L') // written by Python 2
      ++at;
    take(',');
  }
  return true;
}

bool HeaderParser::parse(NpyArray &array, bool &fortranOrder) {
  if (!take('{'))
    return false;
  int found = 0;
  std::string key;
  while (!take('}')) {
    if (!string(key) || !take(':'))
      return false;
    if (key == "descr") {
      if (!string(array.descr))
        return false;
      found |= 1;
    } else if (key == "fortran_order") {
      fortranOrder = word("True");
      if (!fortranOrder && !word("False"))
        return false;
      found |= 2;
    } else if (key == "shape") {
      if (!shape(array.shape))
        return false;
      found |= 4;
    } else {
      return false;
    }
    take(',');
  }
  return found == 7;
}

/// Bytes of an element of "<f4" and its like; 0 if this cannot be read.
static size_t descrSize(const std::string &descr) {
  if (isText(descr))
    return 4 * static_cast<size_t>(std::atol(descr.c_str() + 2));
  if (descr.size() != 3 || !std::strchr("<|=", descr[0]) ||
      !std::strchr("fiubV", descr[1]) || !std::strchr("1248", descr[2]))
    return 0;
  return static_cast<size_t>(descr[2] - '0');
}

/// Copies an array whose first dimension is the fastest.
static void transpose(NpyArray &array, const char *source, size_t size) {
  std::vector<int64_t> index(array.shape.size());
  std::vector<size_t> strides(array.shape.size());
  size_t stride = size;
  for (size_t i = 0; i < strides.size(); ++i) {
    strides[i] = stride;
    stride *= static_cast<size_t>(array.shape[i]);
  }
  for (size_t at = 0; at < array.bytes.size(); at += size) {
    size_t from = 0;
    for (size_t i = 0; i < index.size(); ++i)
      from += static_cast<size_t>(index[i]) * strides[i];
    std::memcpy(array.bytes.data() + at, source + from, size);
    for (size_t i = index.size(); i-- > 0;) {
      if (++index[i] < array.shape[i])
        break;
      index[i] = 0;
    }
  }
}

Expected<NpyArray> narae::readNpy(const std::string &path) {
  auto file = artifact::MappedFile::open(path);
  if (file.failed())
    return file.status();
  const char *data = (*file)->data();
  uint64_t size = (*file)->size();
  auto problem = [&](const std::string &text) {
    return Status::error("'" + path + "': " + text);
  };
  if (size < 12 || std::memcmp(data, "\x93NUMPY", 6) != 0)
    return problem("this is not a .npy file");
  unsigned version = static_cast<unsigned char>(data[6]);
  if (version < 1 || version > 3)
    return problem("version " + std::to_string(version) +
                   " of the .npy format is unknown");
  uint64_t lengthBytes = version == 1 ? 2 : 4, headerSize = 0;
  std::memcpy(&headerSize, data + 8, lengthBytes);
  uint64_t begin = 8 + lengthBytes;
  if (headerSize > size - begin)
    return problem("the file is cut off in its header");
  NpyArray array;
  bool fortranOrder = false;
  HeaderParser parser(data + begin, data + begin + headerSize);
  if (!parser.parse(array, fortranOrder))
    return problem("its header cannot be read; structured types are not "
                   "supported");
  size_t elementSize = descrSize(array.descr);
  if (array.descr.size() > 1 && array.descr[1] == 'O')
    return problem("it holds Python objects, which are not read: save strings "
                   "as np.array(..., dtype=str)");
  if (!elementSize && !isText(array.descr))
    return problem("elements of type '" + array.descr +
                   "' cannot be read; little-endian numbers can");
  int64_t bytes = 0;
  if (!artifact::byteSize(array.shape.data(), array.shape.size(), elementSize,
                          bytes) ||
      static_cast<uint64_t>(bytes) > size - begin - headerSize)
    return problem("the file is cut off: its elements are not all there");
  const char *elements = data + begin + headerSize;
  array.bytes.resize(static_cast<size_t>(bytes));
  if (fortranOrder && array.shape.size() > 1)
    transpose(array, elements, elementSize);
  else if (bytes)
    std::memcpy(array.bytes.data(), elements, array.bytes.size());
  return array;
}

/// NumPy's name of a type, as it is written: bf16 and f8 as ml_dtypes do it.
static const char *descrOf(narae_type type) {
  switch (type) {
  case NARAE_F32:
    return "<f4";
  case NARAE_F64:
    return "<f8";
  case NARAE_F16:
    return "<f2";
  case NARAE_BF16:
    return "<V2";
  case NARAE_I8:
  case NARAE_I4:
  case NARAE_I2:
    return "|i1";
  case NARAE_I16:
    return "<i2";
  case NARAE_I32:
    return "<i4";
  case NARAE_I64:
    return "<i8";
  case NARAE_U8:
  case NARAE_U4:
  case NARAE_U2:
    return "|u1";
  case NARAE_U16:
    return "<u2";
  case NARAE_U32:
    return "<u4";
  case NARAE_U64:
    return "<u8";
  case NARAE_BOOL:
    return "|b1";
  default:
    return "|V1";
  }
}

/// Whether two descriptions mean the same; '|' and '=' are '<' here.
static bool sameDescr(const std::string &a, const char *b) {
  return a.compare(1, std::string::npos, b + 1) == 0;
}

narae_type narae::npyType(const NpyArray &array, narae_type wanted) {
  if (isText(array.descr))
    return NARAE_STRING;
  if (sameDescr(array.descr, descrOf(wanted)))
    return wanted;
  bool isForeign = wanted == NARAE_BF16 ||
                   (wanted >= NARAE_F8E4M3FN && wanted != NARAE_STRING);
  bool isRaw = std::strchr("iuV", array.descr[1]) != nullptr;
  if (isForeign && isRaw && descrSize(array.descr) == narae_type_size(wanted))
    return wanted;
  for (int type = NARAE_F32; type <= NARAE_BOOL; ++type)
    if (type != NARAE_BF16 &&
        sameDescr(array.descr, descrOf(static_cast<narae_type>(type))))
      return static_cast<narae_type>(type);
  return static_cast<narae_type>(0);
}

Status narae::writeNpy(const std::string &path, narae_type type,
                       const std::vector<int64_t> &shape, const void *data) {
  return writeNpy(path, descrOf(type), narae_type_size(type), shape, data);
}

Status narae::writeNpy(const std::string &path, const std::string &descr,
                       size_t elementSize, const std::vector<int64_t> &shape,
                       const void *data) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i)
    header += (i ? ", " : "") + std::to_string(shape[i]);
  header += shape.size() == 1 ? ",), }" : "), }";
  // Magic, version, length, header and its newline fill multiples of 64.
  constexpr size_t preamble = 10;
  while ((preamble + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  int64_t bytes = 0;
  if (header.size() > 65535 ||
      !artifact::byteSize(shape.data(), shape.size(), elementSize, bytes))
    return Status::error("'" + path + "': the shape is too large for .npy");
  auto length = static_cast<uint16_t>(header.size());
  auto file = artifact::OutputFile::create(path);
  if (file.failed())
    return file.status();
  artifact::OutputFile &out = **file;
  if (Status status = out.write("\x93NUMPY\x01\x00", 8); status.failed())
    return status;
  if (Status status = out.write(&length, 2); status.failed())
    return status;
  if (Status status = out.write(header.data(), header.size()); status.failed())
    return status;
  if (Status status = out.write(data, static_cast<size_t>(bytes));
      status.failed())
    return status;
  return out.commit();
}
