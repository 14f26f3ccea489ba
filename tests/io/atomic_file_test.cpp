#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/io/atomic_file.hpp>

#include <csignal>
#include <vector>

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

using namespace gradus;

TEST_CASE("an atomic file appears at commit") {
    const TemporaryFolder folder;
    write_bytes(folder / "a", "old");
    {
        AtomicFile f(folder / "a");
        f.write("new content");
        f.write(nullptr, 0);
        CHECK(read_bytes(folder / "a") == "old");
        CHECK(folder.files() == 2);
        f.commit();
        CHECK(read_bytes(folder / "a") == "new content");
    }
    CHECK(folder.files() == 1);
}

TEST_CASE("an atomic file that is not committed leaves no trace") {
    const TemporaryFolder folder;
    write_bytes(folder / "a", "old");
    {
        AtomicFile f(folder / "a"), g(folder / "a"), h(folder / "b");
        f.write("half");
    }
    CHECK(read_bytes(folder / "a") == "old");
    CHECK(folder.files() == 1);
}

TEST_CASE("an atomic file follows links and keeps permissions") {
    namespace fs = std::filesystem;
    const TemporaryFolder folder;
    write_bytes(folder / "target", "old");
    fs::permissions(folder / "target", fs::perms::owner_read | fs::perms::owner_write);
    fs::create_symlink("target", folder / "link");
    AtomicFile f(folder / "link");
    f.write("new");
    f.commit();
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(read_bytes(folder / "target") == "new");
    CHECK(fs::status(folder / "target").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("an atomic file names what failed") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(AtomicFile(folder / "missing/a"), IoError);
    CHECK_THROWS_WITH(AtomicFile(folder / "missing/a"),
                      ContainsSubstring("missing/a: cannot be created: No such file"));
    std::filesystem::create_directory(folder / "directory");
    {
        AtomicFile f(folder / "directory");
        CHECK_THROWS_AS(f.commit(), IoError);
    }
    CHECK(folder.files() == 0);
}

#if defined(RLIMIT_FSIZE)
TEST_CASE("an atomic file that cannot be written leaves the old one") {
    const TemporaryFolder folder;
    write_bytes(folder / "a", "old");
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    bool failed = false;
    try {
        AtomicFile f(folder / "a");
        const std::vector<char> data(1 << 20, 'x');
        f.write(data.data(), static_cast<Index>(data.size()));
        f.commit();
    } catch (const IoError&) { failed = true; }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK(failed);
    CHECK(read_bytes(folder / "a") == "old");
    CHECK(folder.files() == 1);
}
#endif
