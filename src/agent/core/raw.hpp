// System calls without errno. A launching child shares the agent's memory, including its errno,
// so between clone and execve it may use only these (see launch.cpp).
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <sys/syscall.h>

namespace msb::agent::raw {

/// Result, or -errno.
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "the agent knows x86-64 and AArch64"
#endif
}

inline long address(const void* pointer) {
    return reinterpret_cast<long>(pointer);
}

inline long open(const char* path, int flags) {
    return call(SYS_openat, AT_FDCWD, address(path), flags | O_CLOEXEC);
}
inline long read(long fd, void* buffer, unsigned long size) {
    long count;
    do
        count = call(SYS_read, fd, address(buffer), static_cast<long>(size));
    while (count == -EINTR);
    return count;
}
inline void close(long fd) {
    call(SYS_close, fd);
}

} // namespace msb::agent::raw
