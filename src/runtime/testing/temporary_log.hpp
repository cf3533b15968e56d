// An exec.log in a directory of its own, for tests.
#pragma once

#include "base/file.hpp"
#include "base/system.hpp"
#include "logs/exec_log.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>

namespace msb::testing {

struct TemporaryLog {
    TemporaryLog() {
        std::string name = "/tmp/msb-runtime-test-XXXXXX";
        directory = ::mkdtemp(name.data());
        log = ExecLog::open(sys::open(directory, O_RDONLY | O_DIRECTORY).value()).value();
    }
    ~TemporaryLog() { (void)remove_tree(directory); }
    TemporaryLog(const TemporaryLog&) = delete;
    TemporaryLog& operator=(const TemporaryLog&) = delete;

    std::string text() const { return read_file(directory + "/exec.log", 1 << 20).value_or(""); }

    std::string directory;
    std::unique_ptr<ExecLog> log;
};

} // namespace msb::testing
