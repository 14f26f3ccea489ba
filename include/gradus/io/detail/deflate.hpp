/// zlib behind two small classes: bytes unpacked as they are asked for, and bytes packed whole.
#pragma once
#include <gradus/data/byte_source.hpp>

#include <zlib.h>

#include <span>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// Deflate shrinks at most 1032-fold, so that packed bytes bound unpacked ones.
inline Index unpacked_bound(Index packed) {
    constexpr Index limit = Index{1} << 48;
    return packed < limit ? packed * 1032 + 1024 : limit * 1032;
}

/// Unpacks a deflate stream, bare (in zip files) or within gzip's header and checksum.
class Inflater {
public:
    enum class Format { gzip, bare };

    explicit Inflater(Format format) {
        if (inflateInit2(&z_, format == Format::gzip ? 15 + 16 : -15) != Z_OK) throw std::bad_alloc();
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&z_); }

    /// At most n bytes; fewer only at the end of the stream. `more(to, capacity)` delivers packed bytes, none at their
    /// end.
    template <class F> Index read(std::byte* to, Index n, const F& more, const ByteSource& source) {
        Index done = 0;
        while (done < n && !ended_) {
            const auto room = static_cast<uInt>(std::min<Index>(n - done, 1 << 30));
            z_.next_out = reinterpret_cast<Bytef*>(to + done);
            z_.avail_out = room;
            if (z_.avail_in == 0) {
                z_.next_in = reinterpret_cast<Bytef*>(chunk_);
                z_.avail_in = static_cast<uInt>(more(chunk_, Index(sizeof(chunk_))));
            }
            const bool starved = z_.avail_in == 0;
            const int status = inflate(&z_, Z_NO_FLUSH);
            done += room - z_.avail_out;
            if (status == Z_STREAM_END)
                ended_ = true;
            else if (status == Z_MEM_ERROR)
                throw std::bad_alloc();
            else if (status != Z_OK && status != Z_BUF_ERROR)
                source.fail(std::string("cannot be unpacked: ") + (z_.msg ? z_.msg : "malformed data"));
            else if (starved && z_.avail_out != 0)
                source.fail("cannot be unpacked: the file is cut short");
        }
        return done;
    }
    bool ended() const { return ended_; }
    /// Packed bytes that were read and not used.
    Index left() const { return z_.avail_in; }
    /// Begins another stream with what is left.
    void restart() {
        inflateReset(&z_);
        ended_ = false;
    }

private:
    z_stream z_ = {};
    std::byte chunk_[1 << 14];
    bool ended_ = false;
};

/// Bytes packed by deflate, without header and checksum.
inline std::vector<std::byte> deflate_bare(std::span<const std::span<const std::byte>> parts) {
    z_stream z = {};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&z, &deflateEnd);
    std::vector<std::byte> out;
    std::byte chunk[1 << 14];
    const auto drain = [&](int flush) {
        do {
            z.next_out = reinterpret_cast<Bytef*>(chunk);
            z.avail_out = sizeof(chunk);
            deflate(&z, flush);
            out.insert(out.end(), chunk, chunk + sizeof(chunk) - z.avail_out);
        } while (z.avail_out == 0);
    };
    for (std::span<const std::byte> part : parts)
        while (!part.empty()) {
            const auto n = std::min<std::size_t>(part.size(), 1 << 30);
            z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
            z.avail_in = static_cast<uInt>(n);
            part = part.subspan(n);
            drain(Z_NO_FLUSH);
        }
    drain(Z_FINISH);
    return out;
}

inline std::uint32_t crc_of(std::uint32_t crc, const std::byte* p, Index n) {
    while (n > 0) {
        const auto part = static_cast<uInt>(std::min<Index>(n, 1 << 30));
        crc = static_cast<std::uint32_t>(crc32(crc, reinterpret_cast<const Bytef*>(p), part));
        p += part;
        n -= part;
    }
    return crc;
}

} // namespace detail
GRADUS_END
