//===- Config.cpp - Generations of HBM and a closed form ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/dram/Config.h"

#include <algorithm>
#include <cmath>

using namespace narae::dram;

// Timings of DRAMsim3's 8 Gb HBM2 configuration.
Config narae::dram::hbm2() {
  Config config;
  config.name = "HBM2";
  config.mapping.order = {Level::Row,   Level::Rank,          Level::Group,
                          Level::Bank,  Level::PseudoChannel, Level::Channel,
                          Level::Column};
  return config;
}

/// Keeps what is given in clocks and stretches what is given in ns.
static Config faster(Config config, const char *name, double factor) {
  config.name = name;
  config.assumed = true;
  config.clock /= factor;
  for (int64_t *time :
       {&config.cl, &config.cwl, &config.rcd, &config.rp, &config.ras,
        &config.faw, &config.wr, &config.rfc, &config.refi, &config.rfcPerBank,
        &config.wtrS, &config.wtrL, &config.rtpS, &config.rtpL})
    *time = std::llround(*time * factor);
  return config;
}

Config narae::dram::hbm2e() { return faster(hbm2(), "HBM2E", 1.8); }

// Timings of JESD238 as Ramulator 2.1 has them.
Config narae::dram::hbm3() {
  Config config;
  config.name = "HBM3";
  config.clock = 0.625;
  config.channels = 16;
  config.pseudoChannels = 2;
  config.ranks = 2;
  config.pageBytes = 1024;
  config.requestBytes = 32;
  config.burst = 2;
  auto clocks = [&](double ns) {
    return static_cast<int64_t>(std::ceil(ns / config.clock));
  };
  config.cl = 20;
  config.cwl = 12;
  config.rcd = clocks(19.4);
  config.rp = clocks(16.3);
  config.ras = clocks(28);
  config.rrdS = 4;
  config.rrdL = 5;
  config.faw = clocks(15);
  config.ccdS = 2;
  config.ccdL = 4;
  config.ccdR = 3;
  config.wtrS = clocks(2.5);
  config.wtrL = clocks(5);
  config.wr = clocks(15);
  config.rtpS = 4;
  config.rtpL = 6;
  config.rfc = clocks(260);
  config.refi = clocks(3900);
  config.rfcPerBank = clocks(200);
  config.mapping.order = {Level::Row,    Level::Column, Level::Bank,
                          Level::Group,  Level::Rank,   Level::PseudoChannel,
                          Level::Channel};
  config.mapping.interleave = 4;
  // Ramulator's stream without refresh: 753 of 819 GB/s.
  config.columns = 0.92;
  return config;
}

Config narae::dram::hbm3e() { return faster(hbm3(), "HBM3E", 1.5); }

double narae::dram::streamBandwidth(const Config &config, int64_t granule) {
  double units = double(config.channels) * config.pseudoChannels;
  double activated = units * 4 * granule / (config.faw * config.clock);
  return std::min(config.peak() * config.columns, activated) *
         (1 - config.refreshTax());
}

double narae::dram::streamShare(const Config &config) {
  return streamBandwidth(config, config.pageBytes) / config.peak();
}

std::optional<Config> narae::dram::findGeneration(const std::string &name) {
  for (const Config &config : {hbm2(), hbm2e(), hbm3(), hbm3e()})
    if (config.name == name)
      return config;
  return std::nullopt;
}

double narae::dram::conflictBandwidth(const Config &config, int64_t granule) {
  return granule / config.rowCycle() * (1 - config.refreshTax());
}
