// System call allow-lists, assembled by hand into classic BPF: no library, a few microseconds.
//
// A policy refuses to be built when it would be unsafe: empty, a call listed twice, or a call that
// hands out what a jail takes away (dangerous_call() in seccomp.cpp) without an argument check.
#pragma once

#include "base/result.hpp"
#include "jail/steps.hpp"

#include <cstdint>
#include <initializer_list>
#include <linux/filter.h>
#include <map>
#include <set>
#include <vector>

namespace msb::jail {

/// Holds if (argument & mask) == value. For int parameters use mask32: the kernel ignores the upper
/// half of the register, and so must the check.
struct ArgumentCheck {
    unsigned index; ///< 0..5
    std::uint64_t mask;
    std::uint64_t value;
};
constexpr std::uint64_t mask32 = 0xffff'ffff;

/// The int argument `index` is exactly `value`.
constexpr ArgumentCheck is(unsigned index, std::uint32_t value) {
    return {index, mask32, value};
}
/// None of `bits` is set in argument `index`.
constexpr ArgumentCheck lacks(unsigned index, std::uint64_t bits) {
    return {index, bits, 0};
}

using Program = std::vector<sock_filter>;

class Policy {
  public:
    /// What happens to a call that no rule allows.
    enum class Otherwise {
        kill, ///< The whole process dies with SIGSYS.
        /// EPERM. For processes whose own filter answers with a trap: a kill here would win over
        /// it.
        refuse,
    };
    explicit Policy(Otherwise otherwise) : otherwise_(otherwise) {}

    Policy& allow(std::initializer_list<long> calls);
    /// Allowed when all checks hold. Several rules for one call are alternatives.
    Policy& allow_when(long call, std::initializer_list<ArgumentCheck> checks);
    /// Fails with `error` instead of what `otherwise` says: for calls that libc tries and can do
    /// without.
    Policy& answer(std::initializer_list<long> calls, int error);
    /// The error of a call with allow_when() rules if none of them holds, instead of what
    /// `otherwise` says.
    Policy& answer_others(long call, int error);

    /// The calls whose arguments it looks at, and which ones.
    std::map<long, std::set<unsigned>> judged_arguments() const;
    /// x86-64 only; other architectures' entry points (i386, x32) get `otherwise`.
    Result<Program> build() const;

  private:
    struct Rule {
        bool always = false;
        int error = 0;
        int others = 0; ///< Error where no alternative holds; 0: the default action.
        std::vector<std::vector<ArgumentCheck>> alternatives;
    };
    void emit_range(Program& program, std::map<long, Rule>::const_iterator begin,
                    std::map<long, Rule>::const_iterator end) const;
    void emit_rule(Program& program, long call, const Rule& rule) const;
    std::uint32_t default_action() const;

    Otherwise otherwise_;
    std::map<long, Rule> rules_;
    std::vector<long> duplicates_;
};

enum class Threads { all, calling };
/// Installs the filter, beside those that are there. Needs no_new_privs.
Step load(const Program& program, Threads threads = Threads::all);

} // namespace msb::jail
