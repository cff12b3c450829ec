//===- Config.h - Organisation and timing of DRAM ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_DRAM_CONFIG_H
#define NARAE_MEMORY_DRAM_CONFIG_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narae::dram {

/// A coordinate of an access; parts of an address select one each.
enum class Level { Channel, PseudoChannel, Rank, Group, Bank, Row, Column };

enum class Refresh { None, AllBank, PerBank };

/// How an address becomes coordinates.
struct Mapping {
  /// From the top bits down, each level once.
  std::vector<Level> order;
  /// Where more than 0: the lowest `interleave` columns (a power of two) stay
  /// together, and other levels are XORed with the bits of the column above, so
  /// that strides do not stay in one bank (Ramulator's MOP mapping for 4).
  int64_t interleave = 0;
};

/// One device: all its stacks' channels. Times are in clocks.
struct Config {
  std::string name;
  bool assumed = false; ///< scaled from another generation
  double clock = 1;     ///< ns
  int64_t channels = 8, pseudoChannels = 1, ranks = 1, groups = 4, banks = 4;
  int64_t rows = 32768;
  int64_t pageBytes = 2048;  ///< of a row in one pseudo-channel
  int64_t requestBytes = 64; ///< of one burst
  int64_t burst = 2;         ///< that the data bus is busy for a request
  int64_t cl = 14, cwl = 4, rcd = 14, rp = 14, ras = 34;
  int64_t rrdS = 4, rrdL = 6, faw = 30;
  int64_t ccdS = 1, ccdL = 2, ccdR = 0; ///< ccdR: between ranks
  int64_t wtrS = 6, wtrL = 8, wr = 16, rtpS = 4, rtpL = 6;
  int64_t rfc = 260, refi = 3900, rfcPerBank = 0;
  Refresh refresh = Refresh::AllBank;
  Mapping mapping;
  /// Share of a stream's columns that need not wait for the gaps between bank
  /// groups and ranks, with the commands of a channel one a clock.
  double columns = 1;

  /// Bytes a ns, which are GB/s, with every data bus always busy.
  double peak() const {
    return double(channels) * pseudoChannels * requestBytes / (burst * clock);
  }
  double refreshTax() const {
    return refresh == Refresh::AllBank ? double(rfc) / refi : 0;
  }
  /// Time between activations of one bank, in ns.
  double rowCycle() const { return (ras + rp) * clock; }
};

/// 8 Gb a channel, 8 channels of 128 bit at 1 GHz: 256 GB/s.
Config hbm2();
/// HBM2 with a clock of 1.8 GHz; timings in ns are HBM2's (assumed).
Config hbm2e();
/// JESD238 at 6.4 Gbit/s a pin: 16 channels of two 32-bit pseudo-channels.
Config hbm3();
/// HBM3 at 9.6 Gbit/s a pin (assumed).
Config hbm3e();

/// The generation with that name ("HBM2", "HBM2E", "HBM3", "HBM3E"); none for
/// other kinds of memory.
std::optional<Config> findGeneration(const std::string &name);

/// Bandwidth of a pattern from peak, activation rate and refresh, in GB/s:
/// min(peak * columns, channels * 4 * granule / tFAW) * (1 - tRFC / tREFI).
/// `granule` is the bytes read from a row once it is open.
double streamBandwidth(const Config &config, int64_t granule);
/// What long streams reach of the peak.
double streamShare(const Config &config);
/// What streams that share banks reach of what one stream reaches: measured on
/// DRAMsim3 with three arrays, 209.6 of 237 GB/s.
inline constexpr double concurrentShare = 209.6 / 237;
/// Of accesses that each open a new row of the same bank.
double conflictBandwidth(const Config &config, int64_t granule);

} // namespace narae::dram

#endif // NARAE_MEMORY_DRAM_CONFIG_H
