#include "disk/merkle.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"
#include "disk/content_hash.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <openssl/evp.h>
#include <thread>
#include <vector>

namespace msb::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 50ms;
/// A thread takes a subtree of this height at a time: 16 MiB.
constexpr unsigned subtree_height = 8;
constexpr std::uint64_t subtree_size = std::uint64_t{content_leaf_size} << subtree_height;
constexpr unsigned max_height = 48; // more than any file has

class Hasher {
  public:
    /// `role`: "leaf", "parent" or "root".
    Hash hash(std::string_view role, std::initializer_list<BytesView> parts) {
        Hash out{};
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
        add(as_bytes(content_hash_algorithm));
        add(as_bytes(std::string_view("\0", 1)));
        add(as_bytes(role));
        add(as_bytes(std::string_view("\0", 1)));
        for (const BytesView part : parts)
            add(part);
        EVP_DigestFinal_ex(context_.get(), out.data(), nullptr);
        return out;
    }

  private:
    void add(BytesView part) { EVP_DigestUpdate(context_.get(), part.data(), part.size()); }

    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

/// Hashes of trees of zeros, by height.
const std::array<Hash, max_height>& zero_trees() {
    static const auto trees = [] {
        std::array<Hash, max_height> all;
        Hasher hasher;
        all[0] = hasher.hash("leaf", {Bytes(content_leaf_size)});
        for (std::size_t height = 1; height < max_height; ++height)
            all[height] = hasher.hash("parent", {all[height - 1], all[height - 1]});
        return all;
    }();
    return trees;
}

/// Replaces nodes of one height by the tops of their trees of `levels` more; their number is a
/// multiple of 2^levels.
void combine(Hasher& hasher, std::vector<Hash>& nodes, unsigned height, unsigned levels) {
    for (unsigned level = height; level < height + levels; ++level) {
        for (std::size_t i = 0; i < nodes.size(); i += 2) {
            const bool zero =
                nodes[i] == zero_trees()[level] && nodes[i + 1] == zero_trees()[level];
            nodes[i / 2] =
                zero ? zero_trees()[level + 1] : hasher.hash("parent", {nodes[i], nodes[i + 1]});
        }
        nodes.resize(nodes.size() / 2);
    }
}

/// The tops of the subtrees, computed by several threads.
class Forest {
  public:
    Forest(int fd, std::uint64_t size)
        : fd_(fd), size_(size),
          tops_((size + subtree_size - 1) / subtree_size, zero_trees()[subtree_height]) {}

    Result<std::vector<Hash>> grow(unsigned threads, const Watch& watch) {
        MSB_TRY(find_data());
        std::vector<std::jthread> workers; // joined when the lock is free again
        const auto wanted = std::min<std::size_t>(threads, with_data_.size());
        running_ = wanted;
        workers.reserve(wanted);
        for (std::size_t i = 0; i < wanted; ++i)
            workers.emplace_back([this] { work(); });
        const std::uint64_t total = with_data_.size() * subtree_size;
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, look_interval, [this] { return running_ == 0; }))
            if (watch && watch(done_ * subtree_size, total))
                stop(Error(ErrorKind::cancelled, "cancelled"));
        if (failure_)
            return fail(std::move(*failure_));
        return std::move(tops_);
    }

  private:
    /// Those subtrees that are no single hole.
    Status find_data() {
        for (std::uint64_t position = 0;;) {
            const auto extent = MSB_TRY(next_extent(fd_, position, size_));
            if (!extent)
                return {};
            with_data_.push_back(extent->begin / subtree_size);
            position = (with_data_.back() + 1) * subtree_size;
        }
    }

    void work() {
        Hasher hasher;
        Bytes block(content_leaf_size);
        for (std::size_t i = next_++; i < with_data_.size() && !stopped_; i = next_++) {
            auto top = hash_subtree(hasher, block, with_data_[i]);
            if (top) {
                tops_[with_data_[i]] = *top;
            } else {
                const std::lock_guard lock(mutex_);
                stop(std::move(top).error());
            }
            ++done_;
        }
        const std::lock_guard lock(mutex_);
        --running_;
        ended_.notify_one();
    }

    Result<Hash> hash_subtree(Hasher& hasher, Bytes& block, std::uint64_t index) {
        std::vector<Hash> nodes(std::size_t{1} << subtree_height, zero_trees()[0]);
        const std::uint64_t begin = index * subtree_size;
        const std::uint64_t end = std::min(begin + subtree_size, size_);
        for (std::uint64_t position = begin; position < end && !stopped_;) {
            const auto extent = MSB_TRY(next_extent(fd_, position, end));
            if (!extent)
                break;
            position = extent->begin / content_leaf_size * content_leaf_size;
            for (; position < extent->end && !stopped_; position += content_leaf_size) {
                const auto count = static_cast<std::size_t>(
                    std::min<std::uint64_t>(content_leaf_size, size_ - position));
                MSB_TRY(sys::pread_all(fd_, MutableBytesView(block).first(count), position));
                std::fill(block.begin() + static_cast<std::ptrdiff_t>(count), block.end(), 0);
                nodes[(position - begin) / content_leaf_size] = hasher.hash("leaf", {block});
            }
        }
        combine(hasher, nodes, 0, subtree_height);
        return nodes[0];
    }

    /// Needs the mutex.
    void stop(Error why) {
        if (!failure_)
            failure_ = std::move(why);
        stopped_ = true;
    }

    int fd_;
    std::uint64_t size_;
    std::vector<Hash> tops_;
    std::vector<std::uint64_t> with_data_; ///< indexes of subtrees
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::size_t> done_ = 0;
    std::atomic<bool> stopped_ = false;
    std::mutex mutex_; ///< of what follows
    std::condition_variable ended_;
    std::size_t running_ = 0;
    std::optional<Error> failure_;
};

} // namespace

Result<Hash> merkle_root(int fd, std::uint64_t size, unsigned threads, const Watch& watch) {
    std::vector<Hash> nodes = MSB_TRY(Forest(fd, size).grow(std::max(threads, 1U), watch));
    const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(nodes.size(), 1));
    nodes.resize(wanted, zero_trees()[subtree_height]);
    const auto levels = static_cast<unsigned>(std::countr_zero(wanted));
    Hasher hasher;
    combine(hasher, nodes, subtree_height, levels);
    std::array<std::uint8_t, 16> shape{};
    store_le<std::uint64_t>(MutableBytesView(shape), size);
    store_le<std::uint32_t>(MutableBytesView(shape).subspan(8), content_leaf_size);
    store_le<std::uint32_t>(MutableBytesView(shape).subspan(12), subtree_height + levels);
    return hasher.hash("root", {shape, nodes[0]});
}

} // namespace msb::disk
