// Any sequence of file operations and data, really carried out, in a directory that the thread
// doing it cannot leave: every operation ends with an answer that can be encoded, and outside
// nothing changes.
#include "agent/files/ops.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace msb;
using namespace msb::agent;

namespace {

/// The input as requests, each with the data that follows it.
struct Step {
    wire::FsRequest request;
    std::vector<Bytes> data;
};

std::vector<Step> parse(BytesView input) {
    std::vector<Step> steps;
    wire::FrameReader reader;
    reader.feed(input);
    for (;;) {
        const auto frame = reader.next();
        if (!frame || !*frame)
            return steps;
        const auto envelope = wire::decode_envelope((*frame)->body);
        if (!envelope)
            return steps;
        if (auto request = wire::FsRequest::decode(envelope->payload))
            steps.push_back({std::move(*request), {}});
        else if (const auto data = wire::FsData::decode(envelope->payload); data && !steps.empty())
            steps.back().data.emplace_back(data->data.begin(), data->data.end());
    }
}

void carry_out(const std::vector<Step>& steps) {
    HandleTable handles;
    for (const Step& step : steps) {
        Cancellation cancellation;
        StreamQueue* self = nullptr;
        StreamQueue queue([&self] { // whoever is asked takes it at once
            self->attend();
            while (self->pop()) {
            }
        });
        self = &queue;
        if (is_upload(step.request.op)) {
            for (const Bytes& data : step.data)
                queue.push(data);
            queue.attend();
            queue.end();
        }
        const wire::FsResponse response =
            perform({step.request, step.request.user.value_or(""), true, handles, cancellation,
                     is_stream(step.request.op) ? &queue : nullptr});
        if (wire::encode_message(1, response).size() > wire::max_frame_size)
            __builtin_trap();
    }
    handles.close_all();
}

void write_text(const char* path, const std::string& text) {
    if (const auto fd = sys::open(path, O_WRONLY))
        (void)sys::write(fd->get(), as_bytes(text));
}

bool may_change_root() {
    if (::geteuid() == 0)
        return true;
    const std::string uid = "0 " + std::to_string(::geteuid()) + " 1";
    if (::unshare(CLONE_NEWUSER) == -1)
        return false;
    write_text("/proc/self/uid_map", uid);
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool confined = may_change_root();
    static const std::string root = [] {
        const rlimit limit{1 << 20, 1 << 20};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ::signal(SIGXFSZ, SIG_IGN);
        std::string pattern = "/tmp/msb-files-fuzz-XXXXXX";
        return std::string(::mkdtemp(pattern.data()));
    }();
    const std::vector<Step> steps = parse({data, size});
    const std::string inside = root + "/in";
    if (!confined || steps.empty() || !make_directories(inside, 0700))
        return 0;
    std::thread([&] {
        // This thread alone gets another root.
        if (::unshare(CLONE_FS) == 0 && ::chroot(inside.c_str()) == 0 && ::chdir("/") == 0)
            carry_out(steps);
    }).join();
    (void)remove_tree(inside);
    return 0;
}
