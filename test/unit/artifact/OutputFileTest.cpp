//===- OutputFileTest.cpp - Files are whole or not there ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/OutputFile.h"
#include "test/unit/artifact/ProgramBuilder.h"

#include <csignal>
#include <cstring>
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

static size_t filesIn(const std::string &path) {
  size_t count = 0;
  DIR *directory = opendir(path.c_str());
  while (dirent *file = readdir(directory))
    count += file->d_name[0] != '.';
  closedir(directory);
  return count;
}

TEST(OutputFile, OldFileStaysUntilCommit) {
  TemporaryFolder folder;
  writeFile(folder.file("a"), "old");
  {
    auto file = OutputFile::create(folder.file("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->write("new", 3).ok());
    EXPECT_EQ(readFile(folder.file("a")), "old");
  }
  EXPECT_EQ(readFile(folder.file("a")), "old");
  EXPECT_EQ(filesIn(folder.path), 1u);
  auto file = OutputFile::create(folder.file("a"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write("xew", 3).ok());
  ASSERT_TRUE((*file)->padTo(5).ok());
  ASSERT_TRUE((*file)->overwrite(0, "n", 1).ok());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_EQ(readFile(folder.file("a")), std::string("new\0\0", 5));
  EXPECT_EQ(filesIn(folder.path), 1u);
}

TEST(OutputFile, LinksAndModesStay) {
  TemporaryFolder folder;
  writeFile(folder.file("a"), "old");
  ASSERT_EQ(chmod(folder.file("a").c_str(), 0640), 0);
  ASSERT_EQ(symlink("a", folder.file("link").c_str()), 0);
  auto file = OutputFile::create(folder.file("link"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write("new", 3).ok());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_EQ(readFile(folder.file("a")), "new");
  struct stat info;
  ASSERT_EQ(lstat(folder.file("link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(stat(folder.file("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(OutputFile, UnwritablePaths) {
  TemporaryFolder folder;
  EXPECT_NE(OutputFile::create(folder.path).message().find("directory"),
            std::string::npos);
  EXPECT_NE(OutputFile::create(folder.file("no/a")).message().find("No such"),
            std::string::npos);
}

TEST(OutputFile, FullDevice) {
  auto file = OutputFile::create("/dev/full");
  ASSERT_TRUE(file.ok()) << file.message();
  std::string bytes(3 << 20, 'x');
  Status status = (*file)->write(bytes.data(), bytes.size());
  EXPECT_NE(status.message().find("No space left"), std::string::npos);
  EXPECT_FALSE((*file)->commit().ok());
}

TEST(OutputFile, FullDiskKeepsTheOldArtifact) {
  TemporaryFolder folder;
  writeFile(folder.file("a.narae"), "old");
  auto program = emptyProgram();
  addWeight(*program, "w", NARAE_U8, {1 << 22});
  std::string bytes(1 << 22, 'x');
  Writer writer(*program);
  writer.setWeight(0, {bytes.data(), bytes.size()});
  // A limit of the file size is what a full disk looks like to a program.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = {1 << 20, before.rlim_max};
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = writer.write(folder.file("a.narae"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(status.message().find("cannot write"), std::string::npos)
      << status.message();
  EXPECT_EQ(readFile(folder.file("a.narae")), "old");
  EXPECT_EQ(filesIn(folder.path), 1u);
  EXPECT_TRUE(writer.write(folder.file("a.narae")).ok());
}
