// The tree of one layer while its tar is read: entries arrive in any order and replace each other
// as they would when unpacked.
#pragma once

#include "image/index.hpp"
#include "tar/tar.hpp"

#include <deque>
#include <map>
#include <memory>

namespace msb::image {

class LayerTree {
  public:
    LayerTree();

    /// Applies one tar entry. `first_block` is where the data of a file will be. Whiteouts and
    /// opaque markers are recognised by name (OCI image-spec, layer.md, "Whiteouts").
    Status add(const TarEntry& entry, std::uint32_t first_block);

    Result<IndexContents> finish(std::uint64_t data_blocks) const;

  private:
    struct Inode {
        InodeRecord record{};
        std::string text;
        std::string xattrs;
    };
    struct Node {
        Inode* inode = nullptr; ///< None: a whiteout.
        bool opaque = false;
        Node* parent = nullptr;
        std::map<std::string, std::unique_ptr<Node>, std::less<>> children;

        bool is_directory() const;
        bool is_symlink() const;
    };
    using Path = std::vector<std::string_view>;

    Result<Inode*> new_inode(std::uint16_t mode, std::size_t extra_bytes);
    Result<Inode*> make_inode(const TarEntry& entry, std::uint32_t first_block);
    Result<Inode*> make_hard_link(const TarEntry& entry);
    Status describe_root(const TarEntry& entry);
    Status add_whiteout(Node* parent, std::string_view hidden);
    Status put(Node* parent, std::string_view name, Inode* inode);

    /// The directory that `path` from `from` leads to, through symbolic links of this layer. Makes
    /// implied directories if `create`; null if there is none otherwise.
    Result<Node*> walk(Node* from, Path path, bool create);
    Result<Node*> new_child(Node* parent, std::string_view name);
    Status account(std::size_t bytes);

    std::deque<Inode> inodes_;
    Node root_;
    std::uint64_t node_count_ = 1;
    std::uint64_t metadata_bytes_ = 0;
};

/// The components of a path as container tools read it: leading "/" and "." are dropped, ".." takes
/// the component before it away. `corrupt` if a ".." would leave the root; limit_exceeded for names
/// longer than 255 bytes and paths deeper than max_depth.
Result<std::vector<std::string_view>> split_path(std::string_view path);

} // namespace msb::image
