#include "image/layer_transfer.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

/// Attempts in a row that bring nothing.
constexpr unsigned max_fruitless_attempts = 5;
constexpr unsigned max_layer_refusals = 3;
constexpr auto first_layer_pause = 250ms;

} // namespace

Status LayerTransfer::connect(CURLM* multi, const RegistryClient& client) {
    HttpRequest request = client.blob_request(digest_);
    request.range_start = received_;
    at_attempt_start_ = received_;
    position_known_ = false;
    transfer_ = MSB_TRY(
        HttpTransfer::create(request, [this](std::string_view data) { return receive(data); }));
    multi_ = multi;
    curl_multi_add_handle(multi_, transfer_->handle());
    return {};
}

void LayerTransfer::detach() {
    if (transfer_)
        curl_multi_remove_handle(multi_, transfer_->handle());
    transfer_.reset();
}

Status LayerTransfer::ended(CURLcode code, RegistryClient& client) {
    const long status = transfer_->status();
    const Status outcome = transfer_->outcome(code);
    const auto challenges = transfer_->challenges();
    const auto retry_after = transfer_->retry_after();
    detach();
    if (error_)
        return fail(std::move(*error_));
    if (!sink_) // the worker has ended, and knows why
        return {};
    if (complete()) {
        if (pending_.empty()) // else the rest leaves with flush()
            sink_.reset();
        return {};
    }
    if (outcome && status == 401) {
        if (++refused_ > max_layer_refusals)
            return fail(client.status_error(status, name()));
        return client.authorize(challenges);
    }
    const bool transient = outcome ? is_transient(status) : is_transient(outcome.error());
    const Error error = outcome ? wrong_answer(status, client) : outcome.error();
    fruitless_ = received_ > at_attempt_start_ ? 1 : fruitless_ + 1;
    if (!transient || fruitless_ >= max_fruitless_attempts)
        return fail(Error(error).wrap(name()));
    retry_at_ = Clock::now() +
                std::max<Clock::duration>(first_layer_pause * (1 << fruitless_), retry_after);
    return {};
}

void LayerTransfer::flush() {
    const std::size_t written = write_some(pending_);
    pending_.erase(0, written);
    if (!pending_.empty())
        return;
    if (transfer_)
        curl_easy_pause(transfer_->handle(), CURLPAUSE_CONT);
    else if (complete())
        sink_.reset();
}

Error LayerTransfer::wrong_answer(long status, const RegistryClient& client) const {
    if (status != 200 && status != 206)
        return client.status_error(status, name());
    return Error(ErrorKind::corrupt, "the registry has " + std::to_string(received_) +
                                         " bytes instead of " + std::to_string(size_));
}

/// Where in the layer the answer begins: decided at its first byte.
bool LayerTransfer::find_position() {
    const long status = transfer_->status();
    ignore_ = false;
    skip_ = 0;
    if (status == 200) {
        skip_ = received_;
    } else if (status == 206) {
        const std::string wanted = "bytes " + std::to_string(received_) + "-";
        if (!transfer_->header("content-range").starts_with(wanted)) {
            error_ =
                Error(ErrorKind::protocol, "the registry answered with another part of " + name());
            return false;
        }
    } else {
        ignore_ = true;
    }
    position_known_ = true;
    return true;
}

std::size_t LayerTransfer::receive(std::string_view data) {
    if (!pending_.empty())
        return CURL_WRITEFUNC_PAUSE;
    const std::size_t size = data.size();
    if (!position_known_ && !find_position())
        return CURL_WRITEFUNC_ERROR;
    if (ignore_)
        return size;
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, size));
    skip_ -= skipped;
    data.remove_prefix(skipped);
    if (data.size() > size_ - received_) {
        error_ = Error(ErrorKind::corrupt, name() + " is larger than the " + std::to_string(size_) +
                                               " bytes that the manifest says");
        return CURL_WRITEFUNC_ERROR;
    }
    received_ += data.size();
    const std::size_t written = write_some(data);
    if (!sink_)
        return CURL_WRITEFUNC_ERROR;
    pending_ = data.substr(written);
    return size;
}

std::size_t LayerTransfer::write_some(std::string_view data) {
    std::size_t total = 0;
    while (total < data.size()) {
        const ssize_t count = ::write(sink_.get(), data.data() + total, data.size() - total);
        if (count == -1 && errno == EINTR)
            continue;
        if (count == -1 && errno == EAGAIN)
            break;
        if (count == -1) { // EPIPE: the worker has ended
            sink_.reset();
            return data.size();
        }
        total += static_cast<std::size_t>(count);
    }
    return total;
}

} // namespace msb::image
