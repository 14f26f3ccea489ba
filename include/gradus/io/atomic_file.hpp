/// AtomicFile: a file that appears whole or not at all.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define GRADUS_POSIX_FILES 1
#else
#define GRADUS_POSIX_FILES 0
#endif

GRADUS_BEGIN

/// Writes to a temporary file beside `path`; `commit` flushes it to the disk and renames it over `path`. Until then,
/// and after any failure, an old file stays as it was; the temporary one is removed. A symbolic link is followed, an
/// existing file's permissions are kept. Throws IoError that names the file and the system's reason.
class AtomicFile {
public:
    explicit AtomicFile(const std::string& path) : path_(path) {
        namespace fs = std::filesystem;
        std::error_code ignored;
        if (fs::is_symlink(path, ignored)) {
            const fs::path target = fs::canonical(path, ignored);
            if (!target.empty()) path_ = target.string();
        }
        static std::atomic<unsigned> count{0};
        for (int attempt = 0; attempt < 100 && !file_; ++attempt) {
            temporary_ = path_ + ".tmp-" + std::to_string(process()) + "-" + std::to_string(count++);
            open();
            if (!file_ && errno != EEXIST) break;
        }
        if (!file_) fail("cannot be created", errno);
    }
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile() {
        if (file_) std::fclose(file_);
        if (!temporary_.empty()) std::remove(temporary_.c_str());
    }

    void write(const void* data, Index bytes) {
        if (bytes > 0 &&
            std::fwrite(data, 1, static_cast<std::size_t>(bytes), file_) != static_cast<std::size_t>(bytes))
            fail("cannot be written", errno);
    }
    void write(std::string_view text) { write(text.data(), static_cast<Index>(text.size())); }

    /// Nothing may be written afterwards.
    void commit() {
        if (std::fflush(file_) != 0) fail("cannot be written", errno);
#if GRADUS_POSIX_FILES
        if (::fsync(::fileno(file_)) != 0 && errno != EINVAL) fail("cannot be flushed to the disk", errno);
#endif
        const int closed = std::fclose(file_);
        file_ = nullptr;
        if (closed != 0) fail("cannot be closed", errno);
        std::error_code error;
        std::filesystem::rename(temporary_, path_, error);
        if (error) fail("cannot be replaced", error.value());
        temporary_.clear();
        sync_directory();
    }

private:
    [[noreturn]] GRADUS_COLD void fail(const char* what, int error) const {
        throw_io_error(path_ + ": " + what + ": " + std::generic_category().message(error));
    }
#if GRADUS_POSIX_FILES
    static long process() { return static_cast<long>(::getpid()); }
    void open() {
        const int fd = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0) return temporary_.clear();
        struct stat old = {};
        if (::stat(path_.c_str(), &old) == 0 && S_ISREG(old.st_mode)) (void)!::fchmod(fd, old.st_mode & 0777);
        file_ = ::fdopen(fd, "wb");
        if (!file_) ::close(fd);
    }
    // Makes the rename itself durable; file systems that cannot are left alone.
    void sync_directory() const {
        std::filesystem::path folder = std::filesystem::path(path_).parent_path();
        if (folder.empty()) folder = ".";
        const int fd = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        (void)!::fsync(fd);
        ::close(fd);
    }
#else
    static long process() { return 0; }
    void open() {
        file_ = std::fopen(temporary_.c_str(), "wbx");
        if (!file_) temporary_.clear();
    }
    void sync_directory() const {}
#endif

    std::string path_, temporary_;
    std::FILE* file_ = nullptr;
};

GRADUS_END
