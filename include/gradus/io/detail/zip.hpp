/// zip archives, as far as .npz needs them: the directory, checked whole, members read one at a time, and a writer.
///
/// APPNOTE.TXT of PKWARE, 4.3 and 4.5. Members are stored or deflated; no encryption, no parts on other disks.
#pragma once
#include <gradus/core/storage.hpp>
#include <gradus/io/atomic_file.hpp>
#include <gradus/io/detail/deflate.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

GRADUS_BEGIN
namespace detail {

struct ZipMember {
    std::string name;
    bool deflated = false;
    std::uint32_t crc = 0;
    Index packed = 0, size = 0;  ///< bytes in the archive and unpacked
    Index header = 0, begin = 0; ///< where its header and its bytes begin
};

/// A member's content. Its checksum is compared when its end is reached.
class ZipMemberSource : public ByteSource {
public:
    ZipMemberSource(FileSource& file, const ZipMember& m, const std::string& name)
        : ByteSource(name), file_(file), m_(m), left_(m.packed) {
        file_.seek(m.begin);
        if (m.deflated) inflater_ = std::make_unique<Inflater>(Inflater::Format::bare);
    }
    Index bound() const override { return m_.size - position(); }

protected:
    Index next(std::byte* to, Index n) override {
        const auto packed = [&](std::byte* chunk, Index size) {
            const Index got = file_.read_some(chunk, std::min(size, left_));
            left_ -= got;
            return got;
        };
        const Index got = inflater_ ? inflater_->read(to, n, packed, *this) : packed(to, n);
        crc_ = crc_of(crc_, to, got);
        if (position() + got > m_.size)
            fail("unpacks to more than the " + std::to_string(m_.size) + " bytes that the archive says");
        if (got < n && (position() + got != m_.size || crc_ != m_.crc)) fail("is damaged: its checksum differs");
        return got;
    }

private:
    FileSource& file_;
    const ZipMember& m_;
    Index left_;
    std::uint32_t crc_ = 0;
    std::unique_ptr<Inflater> inflater_;
};

/// The members of an archive, in the order of its directory.
class ZipDirectory {
public:
    /// Throws IoError where the archive is malformed: sizes, places or names that lie, members that overlap.
    static std::vector<ZipMember> read(FileSource& file) { return ZipDirectory(file).members(); }

private:
    explicit ZipDirectory(FileSource& file) : file_(file) {}

    static constexpr Index limit = Index{64} << 20;

    Index number(const std::string& bytes, Index at, int width) const {
        std::uint64_t n = 0;
        for (int i = width - 1; i >= 0; --i)
            n = n << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(at + i)]);
        if (n > std::uint64_t(max_bytes)) bad("expects sizes and offsets below 2^60, got " + std::to_string(n));
        return static_cast<Index>(n);
    }
    std::string bytes(Index at, Index n) const {
        if (at < 0 || n < 0 || n > file_.size() - at)
            bad("expects " + std::to_string(n) + " bytes at byte " + std::to_string(at) + "; the file is cut short");
        std::string s(static_cast<std::size_t>(n), '\0');
        file_.seek(at);
        file_.read(s.data(), n, "a zip archive");
        return s;
    }
    [[noreturn]] GRADUS_COLD void bad(const std::string& what) const { file_.fail("not a valid zip archive: " + what); }

    std::vector<ZipMember> members() const {
        const Index size = file_.size(), tail = std::min<Index>(size, 22 + 65535);
        const std::string end = bytes(size - tail, tail);
        Index at = tail - 22;
        while (at >= 0 && !(end.compare(static_cast<std::size_t>(at), 4, "PK\5\6") == 0 &&
                            at + 22 + number(end, at + 20, 2) == tail))
            --at;
        if (at < 0) bad("lacks the record that ends one; the file is cut short or of another format");
        Index count = number(end, at + 10, 2), length = number(end, at + 12, 4), begin = number(end, at + 16, 4);
        Index last = size - tail + at; // where the directory must have ended
        if (number(end, at + 4, 2) != 0 && number(end, at + 4, 2) != 0xffff)
            bad("it is a part of an archive on several disks");
        if (count == 0xffff || length == 0xffffffff || begin == 0xffffffff) {
            const std::string locator = bytes(last - 20, 20);
            if (locator.compare(0, 4, "PK\6\7") != 0) bad("lacks the 64-bit record that it refers to");
            last = number(locator, 8, 8);
            const std::string wide = bytes(last, 56);
            if (wide.compare(0, 4, "PK\6\6") != 0) bad("byte " + std::to_string(last) + ": expects a 64-bit record");
            count = number(wide, 32, 8);
            length = number(wide, 40, 8);
            begin = number(wide, 48, 8);
        }
        if (begin > last || length != last - begin)
            bad("the directory of " + std::to_string(length) + " bytes at byte " + std::to_string(begin) +
                " does not end at byte " + std::to_string(last));
        if (length > limit || count > length / 46)
            bad("expects a directory of at most " + std::to_string(limit) + " bytes, 46 for each member, got " +
                std::to_string(count) + " members in " + std::to_string(length) + " bytes");
        const std::string directory = bytes(begin, length);
        std::vector<ZipMember> all;
        Index place = 0;
        for (Index i = 0; i < count; ++i) all.push_back(member(directory, place));
        if (place != length) bad("the directory holds more than its " + std::to_string(count) + " members");
        check_places(all, begin);
        return all;
    }

    ZipMember member(const std::string& d, Index& at) const {
        const auto size = static_cast<Index>(d.size());
        if (at > size - 46 || d.compare(static_cast<std::size_t>(at), 4, "PK\1\2") != 0)
            bad("the directory is damaged at its byte " + std::to_string(at));
        const Index name = number(d, at + 28, 2), extra = number(d, at + 30, 2), comment = number(d, at + 32, 2);
        if (name + extra + comment > size - at - 46) bad("the directory is cut short");
        ZipMember m;
        m.name = d.substr(static_cast<std::size_t>(at + 46), static_cast<std::size_t>(name));
        if (number(d, at + 8, 2) & 1) bad("\"" + m.name + "\" is encrypted");
        const Index method = number(d, at + 10, 2);
        if (method != 0 && method != 8)
            bad("\"" + m.name + "\" expects to be stored or deflated, got method " + std::to_string(method));
        m.deflated = method == 8;
        m.crc = static_cast<std::uint32_t>(number(d, at + 16, 4));
        m.packed = number(d, at + 20, 4);
        m.size = number(d, at + 24, 4);
        m.header = number(d, at + 42, 4);
        Index e = at + 46 + name;
        const Index end = e + extra;
        while (e + 4 <= end) {
            const Index id = number(d, e, 2), stop = e + 4 + number(d, e + 2, 2);
            if (stop > end) bad("\"" + m.name + "\" has an extra field that is cut short");
            Index field = e + 4;
            if (id == 1)
                for (Index* wide : {&m.size, &m.packed, &m.header})
                    if (*wide == 0xffffffff) {
                        if (field + 8 > stop) bad("\"" + m.name + "\" lacks its 64-bit sizes");
                        *wide = number(d, field, 8);
                        field += 8;
                    }
            e = stop;
        }
        at = end + comment;
        return m;
    }

    /// Members lie before the directory, apart from each other, and say the same as the directory.
    void check_places(std::vector<ZipMember>& all, Index directory) const {
        std::unordered_set<std::string> names;
        std::vector<std::pair<Index, Index>> places;
        for (ZipMember& m : all) {
            const std::string quoted = "\"" + m.name + "\"";
            if (!names.insert(m.name).second) bad(quoted + " stands twice");
            const std::string header = bytes(m.header, 30);
            if (header.compare(0, 4, "PK\3\4") != 0)
                bad(quoted + ": expects its header at byte " + std::to_string(m.header));
            const Index name = number(header, 26, 2);
            m.begin = m.header + 30 + name + number(header, 28, 2);
            if (name != static_cast<Index>(m.name.size()) || bytes(m.header + 30, name) != m.name)
                bad(quoted + " has another name at its place");
            if (m.begin > directory || m.packed > directory - m.begin)
                bad(quoted + ": its " + std::to_string(m.packed) + " bytes end beyond the members");
            if (m.deflated ? m.size > unpacked_bound(m.packed) : m.size != m.packed)
                bad(quoted + ": " + std::to_string(m.packed) + " bytes cannot hold " + std::to_string(m.size));
            places.emplace_back(m.header, m.begin + m.packed);
        }
        std::sort(places.begin(), places.end());
        for (std::size_t i = 1; i < places.size(); ++i)
            if (places[i].first < places[i - 1].second)
                bad("members overlap at byte " + std::to_string(places[i].first));
    }

    FileSource& file_;
};

/// Writes members one after the other; 64-bit sizes where they are needed. Equal content gives equal bytes: no dates.
class ZipWriter {
public:
    explicit ZipWriter(AtomicFile& file) : file_(file) {}

    void add(const std::string& name, std::span<const std::span<const std::byte>> parts, bool compress) {
        ZipMember m;
        m.name = name;
        m.header = at_;
        for (const auto& part : parts) {
            m.size += static_cast<Index>(part.size());
            m.crc = crc_of(m.crc, part.data(), static_cast<Index>(part.size()));
        }
        std::vector<std::byte> packed;
        if (compress) packed = deflate_bare(parts);
        m.deflated = compress;
        m.packed = compress ? static_cast<Index>(packed.size()) : m.size;
        put(describe(m, false) + name + wide(m, false));
        if (compress)
            put(packed.data(), m.packed);
        else
            for (const auto& part : parts) put(part.data(), static_cast<Index>(part.size()));
        members_.push_back(std::move(m));
    }
    void finish() {
        const Index begin = at_;
        for (const ZipMember& m : members_) put(describe(m, true) + m.name + wide(m, true));
        const Index length = at_ - begin, end = at_;
        const auto count = static_cast<Index>(members_.size());
        if (count >= 0xffff || length >= narrow || begin >= narrow) {
            put("PK\6\6" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(count, 8) +
                number(count, 8) + number(length, 8) + number(begin, 8));
            put("PK\6\7" + number(0, 4) + number(end, 8) + number(1, 4));
        }
        const Index few = std::min<Index>(count, 0xffff);
        put("PK\5\6" + number(0, 4) + number(few, 2) + number(few, 2) + number(std::min(length, narrow), 4) +
            number(std::min(begin, narrow), 4) + number(0, 2));
    }

private:
    static constexpr Index narrow = 0xffffffff;

    static std::string number(Index n, int width) {
        std::string s;
        for (int i = 0; i < width; ++i) s += static_cast<char>(n >> (8 * i) & 255);
        return s;
    }
    static bool is_wide(const ZipMember& m) { return m.size >= narrow || m.packed >= narrow || m.header >= narrow; }
    /// The 64-bit sizes, where one is needed: of the directory, or of the member's own header, which has no offset.
    static std::string wide(const ZipMember& m, bool directory) {
        if (!is_wide(m)) return {};
        return number(1, 2) + number(directory ? 24 : 16, 2) + number(m.size, 8) + number(m.packed, 8) +
               (directory ? number(m.header, 8) : std::string());
    }
    static std::string describe(const ZipMember& m, bool directory) {
        const bool utf8 =
            std::any_of(m.name.begin(), m.name.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
        const bool large = is_wide(m);
        std::string s = directory ? "PK\1\2" + number(45, 2) : std::string("PK\3\4");
        s += number(large ? 45 : 20, 2) + number(utf8 ? 0x800 : 0, 2) + number(m.deflated ? 8 : 0, 2) + number(0, 2) +
             number(0x21, 2) + number(m.crc, 4) + number(large ? narrow : m.packed, 4) +
             number(large ? narrow : m.size, 4) + number(static_cast<Index>(m.name.size()), 2) +
             number(large ? (directory ? 28 : 20) : 0, 2);
        if (directory) s += number(0, 4) + number(0, 6) + number(large ? narrow : m.header, 4);
        return s;
    }
    void put(const std::byte* p, Index n) {
        file_.write(p, n);
        at_ += n;
    }
    void put(const std::string& s) {
        file_.write(s);
        at_ += static_cast<Index>(s.size());
    }

    AtomicFile& file_;
    Index at_ = 0;
    std::vector<ZipMember> members_;
};

} // namespace detail
GRADUS_END
