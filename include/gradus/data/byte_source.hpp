/// ByteSource: bytes from front to back, which the readers of file formats read; FileSource, MemorySource. GzipFile
/// (gradus/io.hpp) unpacks.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

GRADUS_BEGIN

/// Bytes from front to back. `name` stands for it in errors.
class ByteSource {
public:
    explicit ByteSource(std::string name) : name_(std::move(name)) {}
    virtual ~ByteSource() = default;
    const std::string& name() const { return name_; }
    /// Bytes read so far.
    Index position() const { return position_; }
    /// No more bytes than this can follow, so a header that declares more lies: it is refused before memory is taken.
    virtual Index bound() const = 0;

    /// At most n bytes; fewer only at the end. Throws IoError.
    Index read_some(void* to, Index n) {
        const Index got = next(static_cast<std::byte*>(to), n);
        position_ += got;
        return got;
    }
    /// Exactly n bytes; throws IoError where fewer follow, saying what they were for.
    void read(void* to, Index n, const char* what) {
        const Index at = position_, got = read_some(to, n);
        if (got != n)
            fail("byte " + std::to_string(at) + ": expects " + std::to_string(n) + " bytes of " + what + ", got " +
                 std::to_string(got) + "; the file is cut short");
    }
    /// Throws IoError where bytes are left.
    void expect_end() {
        char extra;
        if (read_some(&extra, 1) != 0)
            fail("expects its end at byte " + std::to_string(position_ - 1) + ", got more bytes");
    }
    [[noreturn]] GRADUS_COLD void fail(const std::string& what) const { throw_io_error(name_ + ": " + what); }

protected:
    virtual Index next(std::byte* to, Index n) = 0;

private:
    std::string name_;
    Index position_ = 0;
};

/// A file as it is. Throws IoError where it cannot be opened.
class FileSource : public ByteSource {
public:
    explicit FileSource(const std::string& path) : ByteSource(path), file_(std::fopen(path.c_str(), "rb"), &close) {
        if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
        if (std::fseek(file_.get(), 0, SEEK_END) != 0 || (size_ = std::ftell(file_.get())) < 0 || size_ > max_size)
            fail("cannot be read: not a regular file");
        seek(0);
    }
    Index size() const { return size_; }
    Index bound() const override { return size_ - at_; }
    /// The next read begins at this offset.
    void seek(Index offset) {
        if (std::fseek(file_.get(), static_cast<long>(offset), SEEK_SET) != 0)
            fail(std::string("cannot be read: ") + std::strerror(errno));
        at_ = offset;
    }

protected:
    Index next(std::byte* to, Index n) override {
        const auto got = static_cast<Index>(std::fread(to, 1, static_cast<std::size_t>(n), file_.get()));
        if (got != n && std::ferror(file_.get())) fail(std::string("cannot be read: ") + std::strerror(errno));
        at_ += got;
        return got;
    }

private:
    static constexpr Index max_size = Index{1} << 60; ///< a directory's "size" is larger
    static int close(std::FILE* f) { return f ? std::fclose(f) : 0; }

    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    Index size_ = 0, at_ = 0;
};

/// Bytes in memory, not owned.
class MemorySource : public ByteSource {
public:
    explicit MemorySource(std::span<const std::byte> bytes, std::string name = "memory")
        : ByteSource(std::move(name)), rest_(bytes) {}
    Index bound() const override { return static_cast<Index>(rest_.size()); }

protected:
    Index next(std::byte* to, Index n) override {
        const auto got = std::min(rest_.size(), static_cast<std::size_t>(n));
        if (got) std::memcpy(to, rest_.data(), got);
        rest_ = rest_.subspan(got);
        return static_cast<Index>(got);
    }

private:
    std::span<const std::byte> rest_;
};

GRADUS_END
