/// GzipFile: a file packed with gzip, for the readers of data.
#pragma once
#include <gradus/io/detail/deflate.hpp>

#include <memory>

GRADUS_BEGIN

struct GzipOptions {
    Index max_bytes = Index{4} << 30; ///< largest content accepted, unpacked
};

/// The content of a .gz file, unpacked as it is read; a file that is not packed is read as it is. Streams one after the
/// other are read as one.
///
///     auto pictures = load_idx(GzipFile("train-images-idx3-ubyte.gz"));
///
/// Throws IoError that names the file where it is missing, damaged, cut short, followed by other bytes or larger than
/// `max_bytes`.
class GzipFile : public ByteSource {
public:
    explicit GzipFile(const std::string& path, const GzipOptions& options = {})
        : ByteSource(path), file_(path), max_bytes_(options.max_bytes) {
        if (max_bytes_ < 1) throw_value_error("gzip: max_bytes expects at least 1, got " + std::to_string(max_bytes_));
        std::uint8_t magic[2] = {};
        packed_ = file_.read_some(magic, 2) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
        file_.seek(0);
        if (packed_) inflater_ = std::make_unique<detail::Inflater>(detail::Inflater::Format::gzip);
    }
    Index bound() const override {
        if (!packed_) return file_.bound();
        return std::min(max_bytes_ - position(), detail::unpacked_bound(file_.bound() + inflater_->left()));
    }

protected:
    Index next(std::byte* to, Index n) override {
        if (!packed_) return file_.read_some(to, n);
        Index done = 0;
        while (true) {
            done += inflater_->read(
                to + done, n - done, [&](std::byte* chunk, Index size) { return file_.read_some(chunk, size); }, *this);
            if (position() + done > max_bytes_)
                fail("expects at most " + std::to_string(max_bytes_) + " bytes unpacked (max_bytes), got more");
            if (done == n || !inflater_->ended() || file_.bound() + inflater_->left() == 0) return done;
            inflater_->restart();
        }
    }

private:
    FileSource file_;
    Index max_bytes_;
    bool packed_ = false;
    std::unique_ptr<detail::Inflater> inflater_;
};

GRADUS_END
