//===- TwoOverPi.h - The digits that large angles need -------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_DEVICE_TWOOVERPI_H
#define NARAE_LIB_CODEGEN_DEVICE_TWOOVERPI_H

#include <stdint.h>

namespace narae::device {

/// The bits of 2 / pi after the point, behind a word of zeros.
static const uint64_t twoOverPi[] = {0,
                                     0xa2f9836e4e441529u,
                                     0xfc2757d1f534ddc0u,
                                     0xdb6295993c439041u,
                                     0xfe5163abdebbc561u,
                                     0xb7246e3a424dd2e0u,
                                     0x06492eea09d1921cu,
                                     0xfe1deb1cb129a73eu,
                                     0xe88235f52ebb4484u,
                                     0xe99c7026b45f7e41u,
                                     0x3991d639835339f4u,
                                     0x9c845f8bbdf9283bu,
                                     0x1ff897ffde05980fu,
                                     0xef2f118b5a0a6d1fu,
                                     0x6d367ecf27cb09b7u,
                                     0x4f463f669e5fea2du,
                                     0x7527bac7ebe5f17bu,
                                     0x3d0739f78a5292eau,
                                     0x6bfb5fb11f8d5d08u,
                                     0x56033046fc7b6babu};

/// 2^e * 2 / pi modulo 4 for e = 16 ... 104: 27 bits after the point, so that
/// the product with a float's 24 bits is exact in double, and the rest.
constexpr int kFirstPower = 16, kPowers = 89;
static const double powerHigh[kPowers] = {
    0x1.836e4e40p+0, 0x1.836e4e40p+1, 0x1.06dc9c80p+1, 0x1.b72722p-4,
    0x1.b72722p-3,   0x1.b72722p-2,   0x1.b72722p-1,   0x1.b72722p+0,
    0x1.b72722p+1,   0x1.6e4e4410p+1, 0x1.b9391040p+0, 0x1.b9391050p+1,
    0x1.727220a0p+1, 0x1.c9c882a0p+0, 0x1.c9c882a0p+1, 0x1.93910540p+1,
    0x1.27220a90p+1, 0x1.39105480p-1, 0x1.391054a0p+0, 0x1.391054a0p+1,
    0x1.c882a5p-1,   0x1.c882a520p+0, 0x1.c882a530p+1, 0x1.91054a70p+1,
    0x1.220a94f0p+1, 0x1.1054a7c0p-1, 0x1.1054a7e0p+0, 0x1.1054a7f0p+1,
    0x1.054a7fp-2,   0x1.054a7fp-1,   0x1.054a7fp+0,   0x1.054a7fp+1,
    0x1.529fc2p-4,   0x1.529fc2p-3,   0x1.529fc2p-2,   0x1.529fc240p-1,
    0x1.529fc260p+0, 0x1.529fc270p+1, 0x1.4a7f09c0p+0, 0x1.4a7f09d0p+1,
    0x1.29fc2740p+0, 0x1.29fc2750p+1, 0x1.4fe13a80p-1, 0x1.4fe13aa0p+0,
    0x1.4fe13ab0p+1, 0x1.3f84eae0p+0, 0x1.3f84eaf0p+1, 0x1.fc2757c0p-1,
    0x1.fc2757c0p+0, 0x1.fc2757d0p+1, 0x1.f84eafa0p+1, 0x1.f09d5f40p+1,
    0x1.e13abe80p+1, 0x1.c2757d10p+1, 0x1.84eafa30p+1, 0x1.09d5f470p+1,
    0x1.3abe8fp-3,   0x1.3abe8f80p-2, 0x1.3abe8f80p-1, 0x1.3abe8fa0p+0,
    0x1.3abe8fa0p+1, 0x1.d5f47d40p-1, 0x1.d5f47d40p+0, 0x1.d5f47d40p+1,
    0x1.abe8fa90p+1, 0x1.57d1f530p+1, 0x1.5f47d4c0p+0, 0x1.5f47d4d0p+1,
    0x1.7d1f5340p+0, 0x1.7d1f5340p+1, 0x1.f47d4d20p+0, 0x1.f47d4d30p+1,
    0x1.e8fa9a60p+1, 0x1.d1f534d0p+1, 0x1.a3ea69b0p+1, 0x1.47d4d370p+1,
    0x1.1f534dc0p+0, 0x1.1f534dd0p+1, 0x1.f534dd80p-2, 0x1.f534ddc0p-1,
    0x1.f534ddc0p+0, 0x1.f534ddc0p+1, 0x1.ea69bb80p+1, 0x1.d4d377p+1,
    0x1.a9a6eep+1,   0x1.534ddcp+1,   0x1.4d377020p+0, 0x1.4d377030p+1,
    0x1.34ddc0c0p+0};
static const double powerLow[kPowers] = {
    0x1.054a7f09d5f48p-30, 0x1.054a7f09d5f48p-29, 0x1.054a7f09d5f48p-28,
    0x1.529fc2757d1f5p-33, 0x1.529fc2757d1f5p-32, 0x1.529fc2757d1f5p-31,
    0x1.529fc2757d1f5p-30, 0x1.529fc2757d1f5p-29, 0x1.529fc2757d1f5p-28,
    0x1.4a7f09d5f47d5p-29, 0x1.4a7f09d5f47d5p-28, 0x1.29fc2757d1f53p-29,
    0x1.29fc2757d1f53p-28, 0x1.4fe13abe8fa9ap-30, 0x1.4fe13abe8fa9ap-29,
    0x1.4fe13abe8fa9ap-28, 0x1.3f84eafa3ea6ap-29, 0x1.3f84eafa3ea6ap-28,
    0x1.fc2757d1f534ep-30, 0x1.fc2757d1f534ep-29, 0x1.fc2757d1f534ep-28,
    0x1.f84eafa3ea69cp-28, 0x1.f09d5f47d4d37p-28, 0x1.e13abe8fa9a6fp-28,
    0x1.c2757d1f534dep-28, 0x1.84eafa3ea69bcp-28, 0x1.09d5f47d4d377p-28,
    0x1.3abe8fa9a6ee0p-32, 0x1.3abe8fa9a6ee0p-31, 0x1.3abe8fa9a6ee0p-30,
    0x1.3abe8fa9a6ee0p-29, 0x1.3abe8fa9a6ee0p-28, 0x1.d5f47d4d37703p-30,
    0x1.d5f47d4d37703p-29, 0x1.d5f47d4d37703p-28, 0x1.abe8fa9a6ee07p-28,
    0x1.57d1f534ddc0ep-28, 0x1.5f47d4d377037p-29, 0x1.5f47d4d377037p-28,
    0x1.7d1f534ddc0dbp-29, 0x1.7d1f534ddc0dbp-28, 0x1.f47d4d377036ep-29,
    0x1.f47d4d377036ep-28, 0x1.e8fa9a6ee06dbp-28, 0x1.d1f534ddc0db6p-28,
    0x1.a3ea69bb81b6cp-28, 0x1.47d4d377036d9p-28, 0x1.1f534ddc0db63p-29,
    0x1.1f534ddc0db63p-28, 0x1.f534ddc0db629p-31, 0x1.f534ddc0db629p-30,
    0x1.f534ddc0db629p-29, 0x1.f534ddc0db629p-28, 0x1.ea69bb81b6c53p-28,
    0x1.d4d377036d8a5p-28, 0x1.a9a6ee06db14bp-28, 0x1.534ddc0db6296p-28,
    0x1.4d377036d8a56p-29, 0x1.4d377036d8a56p-28, 0x1.34ddc0db6295ap-29,
    0x1.34ddc0db6295ap-28, 0x1.a6ee06db14acdp-30, 0x1.a6ee06db14acdp-29,
    0x1.a6ee06db14acdp-28, 0x1.4ddc0db629599p-28, 0x1.377036d8a5665p-29,
    0x1.377036d8a5665p-28, 0x1.bb81b6c52b328p-30, 0x1.bb81b6c52b328p-29,
    0x1.bb81b6c52b328p-28, 0x1.77036d8a5664fp-28, 0x1.dc0db6295993cp-29,
    0x1.dc0db6295993cp-28, 0x1.b81b6c52b3279p-28, 0x1.7036d8a5664f1p-28,
    0x1.c0db6295993c4p-29, 0x1.c0db6295993c4p-28, 0x1.81b6c52b32788p-28,
    0x1.036d8a5664f11p-28, 0x1.b6c52b3278872p-34, 0x1.b6c52b3278872p-33,
    0x1.b6c52b3278872p-32, 0x1.b6c52b3278872p-31, 0x1.b6c52b3278872p-30,
    0x1.b6c52b3278872p-29, 0x1.b6c52b3278872p-28, 0x1.6d8a5664f10e4p-28,
    0x1.b6295993c4390p-29, 0x1.b6295993c4390p-28};

} // namespace narae::device

#endif // NARAE_LIB_CODEGEN_DEVICE_TWOOVERPI_H
