#include "sandbox/disk_diff.hpp"

#include "base/installation.hpp"
#include "image/helper.hpp"
#include "image/image_disk.hpp"

namespace msb {

namespace {

class Cancelling : public image::Progress {
  public:
    explicit Cancelling(const disk::Watch& watch) : watch_(watch) {}
    bool cancelled() override { return watch_ && watch_(0, 0); }

  private:
    const disk::Watch& watch_;
};

Result<std::vector<DiskChange>> ask(const image::Json& request, const disk::Watch& watch) {
    Cancelling progress(watch);
    const image::Json answer =
        MSB_TRY(image::run_helper(MSB_TRY(libexec_program("diff")), request, -1, progress));
    constexpr std::size_t columns = 5;
    std::vector<DiskChange> changes;
    for (const image::Json& row : answer.elements()) {
        const auto& cells = row.elements();
        if (cells.size() != columns || !cells[0].text() || !cells[1].text() || !cells[2].text() ||
            cells[2].text()->empty())
            return fail(ErrorKind::protocol, "the program 'diff' gave no answer");
        changes.push_back({*cells[0].text(), *cells[1].text(), cells[2].text()->front(),
                           cells[3].unsigned_integer(), cells[4].unsigned_integer()});
    }
    return changes;
}

} // namespace

Result<std::vector<DiskChange>> diff_disks(const std::string& before, const std::string& after,
                                           const disk::Watch& watch) {
    return ask({{"before", before}, {"after", after}}, watch);
}

Result<std::vector<DiskChange>>
diff_with_image(const image::Image& before, const std::string& after, const disk::Watch& watch) {
    return ask({{"image", image::pieces_document(before.disk)}, {"after", after}}, watch);
}

} // namespace msb
