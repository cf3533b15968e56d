// One thread, one curl_multi. A layer's bytes go from libcurl's callback into the pipe of its
// worker; when the pipe is full the transfer is paused, so a slow disk slows the download and
// nothing is buffered beyond one callback's data. A connection that breaks is made again from where
// it broke (a Range request); a server that ignores the range sends everything, and what the worker
// has is skipped. Whatever arrives, the worker's digests decide in the end.
#include "image/download.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t max_parallel = 4;
constexpr int max_wait_ms = 100;
constexpr int pipe_bytes = 1 << 20;
/// Attempts in a row that bring nothing.
constexpr unsigned max_fruitless_attempts = 5;
constexpr auto first_pause = 250ms;

class LayerDownload {
  public:
    LayerDownload(std::size_t number, const PlannedLayer& layer) : number_(number), layer_(layer) {}
    ~LayerDownload() { detach(); }
    LayerDownload(const LayerDownload&) = delete;
    LayerDownload& operator=(const LayerDownload&) = delete;

    Status start(const Layout& layout, OwnedFd lock) {
        auto pipe = MSB_TRY(sys::pipe());
        (void)::fcntl(pipe[1].get(), F_SETPIPE_SZ, pipe_bytes); // a hint
        work_ = MSB_TRY(LayerWork::start(layout, layer_, std::move(lock), {.fd = pipe[0].get()}));
        MSB_TRY(sys::set_nonblocking(pipe[1].get()));
        sink_ = std::move(pipe[1]);
        return {};
    }

    std::size_t number() const { return number_; }
    std::uint64_t received() const { return received_; }
    bool downloaded() const { return !sink_; }
    int worker_fd() const { return work_->pidfd(); }
    Status finish_work() { return work_->finish(); }

    bool waits_to_connect() const { return sink_ && !transfer_ && Clock::now() >= retry_at_; }
    bool is(const CURL* handle) const { return transfer_ && transfer_->handle() == handle; }
    /// The pipe to wait for, or -1.
    int blocked_pipe() const { return pending_.empty() ? -1 : sink_.get(); }

    Status connect(CURLM* multi, const RegistryClient& client) {
        HttpRequest request = client.blob_request(layer_.blob_digest);
        request.range_start = received_;
        at_attempt_start_ = received_;
        position_known_ = false;
        transfer_ = MSB_TRY(
            HttpTransfer::create(request, [this](std::string_view data) { return receive(data); }));
        multi_ = multi;
        curl_multi_add_handle(multi_, transfer_->handle());
        return {};
    }

    /// The transfer ended with `code`.
    Status ended(CURLcode code, RegistryClient& client) {
        const long status = transfer_->status();
        const Status outcome = transfer_->outcome(code);
        const auto challenges = transfer_->challenges();
        detach();
        if (error_)
            return fail(std::move(*error_));
        if (received_ == layer_.size && pending_.empty()) {
            sink_.reset();
            return {};
        }
        if (received_ == layer_.size) // the rest leaves with flush()
            return {};
        if (outcome && status == 401) {
            if (++refused_ > 3)
                return fail(client.status_error(status, name()));
            return client.authorize(challenges);
        }
        const bool transient = outcome ? status == 200 || status == 206 || status == 416 ||
                                             status == 408 || status == 429 || status >= 500
                                       : outcome.error().kind() != ErrorKind::protocol;
        const Error error = outcome ? short_answer(status, client) : outcome.error();
        fruitless_ = received_ > at_attempt_start_ ? 1 : fruitless_ + 1;
        if (!transient || fruitless_ >= max_fruitless_attempts)
            return fail(Error(error).wrap(name()));
        retry_at_ = Clock::now() + first_pause * (1 << fruitless_);
        return {};
    }

    /// Writes what a full pipe had refused, and lets the transfer go on when it is gone.
    void flush() {
        const std::size_t written = write_some(pending_);
        pending_.erase(0, written);
        if (!pending_.empty())
            return;
        if (transfer_)
            curl_easy_pause(transfer_->handle(), CURLPAUSE_CONT);
        else if (received_ == layer_.size)
            sink_.reset();
    }

    void detach() {
        if (transfer_ && multi_)
            curl_multi_remove_handle(multi_, transfer_->handle());
        transfer_.reset();
    }

  private:
    std::string name() const { return "layer " + layer_.blob_digest.to_string(); }

    Error short_answer(long status, const RegistryClient& client) const {
        if (status != 200 && status != 206)
            return client.status_error(status, name());
        return Error(ErrorKind::unreachable, "the registry ended the transfer after " +
                                                 std::to_string(received_) + " of " +
                                                 std::to_string(layer_.size) + " bytes");
    }

    /// Where in the layer the answer begins: decided at its first byte.
    bool find_position() {
        const long status = transfer_->status();
        if (status == 200) {
            skip_ = received_;
        } else if (status == 206) {
            skip_ = 0;
            const std::string wanted = "bytes " + std::to_string(received_) + "-";
            if (!transfer_->header("content-range").starts_with(wanted)) {
                error_ = Error(ErrorKind::protocol,
                               "the registry answered with another part of " + name());
                return false;
            }
        } else {
            ignore_ = true; // the text of an error
        }
        position_known_ = true;
        return true;
    }

    std::size_t receive(std::string_view data) {
        if (!pending_.empty())
            return CURL_WRITEFUNC_PAUSE;
        const std::size_t size = data.size();
        if (!position_known_) {
            ignore_ = false;
            if (!find_position())
                return CURL_WRITEFUNC_ERROR;
        }
        if (ignore_)
            return size;
        const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, size));
        skip_ -= skipped;
        data.remove_prefix(skipped);
        if (data.size() > layer_.size - received_) {
            error_ = Error(ErrorKind::corrupt, name() + " is larger than the " +
                                                   std::to_string(layer_.size) +
                                                   " bytes that the manifest says");
            return CURL_WRITEFUNC_ERROR;
        }
        received_ += data.size();
        const std::size_t written = write_some(data);
        pending_ = data.substr(written);
        return size;
    }

    std::size_t write_some(std::string_view data) {
        std::size_t total = 0;
        while (total < data.size()) {
            const ssize_t count = ::write(sink_.get(), data.data() + total, data.size() - total);
            if (count == -1 && errno == EINTR)
                continue;
            if (count == -1 && errno == EAGAIN)
                break;
            // The worker has ended (EPIPE): it has the reason, and its pidfd is readable. Until
            // then take the bytes, so that nothing waits for it.
            if (count == -1)
                return data.size();
            total += static_cast<std::size_t>(count);
        }
        return total;
    }

    std::size_t number_;
    PlannedLayer layer_;
    std::unique_ptr<LayerWork> work_;
    OwnedFd sink_; ///< The worker's pipe; closed when it has everything.
    CURLM* multi_ = nullptr;
    std::unique_ptr<HttpTransfer> transfer_;
    std::string pending_;
    std::uint64_t received_ = 0;
    std::uint64_t skip_ = 0;
    bool position_known_ = false;
    bool ignore_ = false;
    std::optional<Error> error_;
    std::uint64_t at_attempt_start_ = 0;
    unsigned fruitless_ = 0;
    unsigned refused_ = 0;
    Clock::time_point retry_at_ = Clock::now();
};

class Downloader {
  public:
    Downloader(const Layout& layout, RegistryClient& client, const ImagePlan& plan, bool force,
               Progress& progress)
        : layout_(layout), client_(client), plan_(plan), force_(force), progress_(progress),
          multi_(curl_multi_init()) {
        std::set<Digest> seen;
        for (std::size_t i = 0; i < plan.layers.size(); ++i)
            if (seen.insert(plan.layers[i].diff_id).second)
                waiting_.push_back(i);
        std::ranges::reverse(waiting_); // the next one is at the back
    }
    ~Downloader() {
        running_.clear();
        curl_multi_cleanup(multi_);
    }

    Status run() {
        while (!waiting_.empty() || !running_.empty()) {
            MSB_TRY(start_layers());
            for (const auto& layer : running_)
                if (layer->waits_to_connect())
                    MSB_TRY(layer->connect(multi_, client_));
            int active = 0;
            curl_multi_perform(multi_, &active);
            MSB_TRY(take_finished_transfers());
            MSB_TRY(wait());
        }
        return {};
    }

  private:
    Status start_layers() {
        std::vector<std::size_t> locked_elsewhere;
        while (!waiting_.empty() && running_.size() < max_parallel) {
            const std::size_t i = waiting_.back();
            const PlannedLayer& layer = plan_.layers[i];
            waiting_.pop_back();
            auto lock = MSB_TRY(layout_.try_lock_blob(layer.diff_id));
            if (!lock) {
                locked_elsewhere.push_back(i);
            } else if (!force_ && is_stored(layout_, layer.diff_id)) {
                progress_.layer_done(i, true);
            } else {
                auto download = std::make_unique<LayerDownload>(i, layer);
                MSB_TRY(download->start(layout_, std::move(*lock)));
                running_.push_back(std::move(download));
            }
        }
        waiting_.insert(waiting_.begin(), locked_elsewhere.begin(), locked_elsewhere.end());
        return {};
    }

    Status take_finished_transfers() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE)
                continue;
            const CURLcode code = message->data.result;
            for (const auto& layer : running_)
                if (layer->is(message->easy_handle)) {
                    MSB_TRY(layer->ended(code, client_));
                    break;
                }
        }
        return {};
    }

    Status wait() {
        std::vector<curl_waitfd> fds;
        for (const auto& layer : running_) {
            fds.push_back({.fd = layer->worker_fd(), .events = CURL_WAIT_POLLIN, .revents = 0});
            if (layer->blocked_pipe() >= 0)
                fds.push_back(
                    {.fd = layer->blocked_pipe(), .events = CURL_WAIT_POLLOUT, .revents = 0});
        }
        curl_multi_poll(multi_, fds.data(), static_cast<unsigned>(fds.size()), max_wait_ms,
                        nullptr);
        const bool report = Clock::now() >= next_report_;
        if (report)
            next_report_ = Clock::now() + std::chrono::milliseconds(max_wait_ms);
        for (auto layer = running_.begin(); layer != running_.end();) {
            if ((*layer)->blocked_pipe() >= 0)
                (*layer)->flush();
            if (report)
                progress_.layer_bytes((*layer)->number(), (*layer)->received(),
                                      plan_.layers[(*layer)->number()].size);
            if (!MSB_TRY(sys::wait_for((*layer)->worker_fd(), POLLIN, 0ms))) {
                ++layer;
                continue;
            }
            (*layer)->detach();
            MSB_TRY((*layer)->finish_work());
            progress_.layer_done((*layer)->number(), false);
            layer = running_.erase(layer);
        }
        return {};
    }

    const Layout& layout_;
    RegistryClient& client_;
    const ImagePlan& plan_;
    bool force_;
    Progress& progress_;
    CURLM* multi_;
    std::vector<std::size_t> waiting_;
    std::vector<std::unique_ptr<LayerDownload>> running_;
    Clock::time_point next_report_ = Clock::now();
};

} // namespace

Status download_layers(const Layout& layout, RegistryClient& client, const ImagePlan& plan,
                       bool force, Progress& progress) {
    return Downloader(layout, client, plan, force, progress).run();
}

} // namespace msb::image
