// msb __man: the build makes the manual pages with it.
#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/man_page.hpp"
#include "cli/parser.hpp"

#include <memory>

namespace msb::cli {

namespace {

Status write_pages(Command& root, const std::string& directory) {
    MSB_TRY(make_directories(directory));
    for (const ManPage& page : man_pages(root, "msb " MSB_VERSION))
        MSB_TRY(write_file_atomic(directory + "/" + page.file, page.text));
    return {};
}

} // namespace

void add_man(Command& root, Context& context) {
    root.add("__man", "Write the manual pages into a directory", group_hidden,
             [&root, &context](Command& command) {
                 auto directory = std::make_shared<std::string>();
                 command.option("directory", directory.get(), "Directory").required();
                 command.action([&root, &context, directory] {
                     run_command(context, [&] { return write_pages(root, *directory); });
                 });
             });
}

} // namespace msb::cli
