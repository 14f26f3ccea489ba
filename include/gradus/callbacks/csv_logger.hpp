/// CSVLogger: an epoch's logs as a row of a file.
#pragma once
#include <gradus/models/callback.hpp>

#include <charconv>
#include <concepts>
#include <fstream>
#include <string>
#include <vector>

GRADUS_BEGIN

struct CSVLoggerOptions {
    std::string filename;
    std::string separator = ",";
    bool append = false; ///< rows follow those that the file has; else it starts anew
};

/// A header "epoch,loss,..." and a row for each epoch, which counts from 0; numbers are the shortest that read back as
/// the same double, "NA" what an epoch lacks. As Keras's, but columns stand in the order of the logs, and rows are
/// written when their epoch ends: a killed run leaves whole rows. Throws ValueError where there is no filename or
/// separator, IoError where the file cannot be written or has another header than the rows to append.
class CSVLogger : public Callback {
public:
    explicit CSVLogger(CSVLoggerOptions options) : o_(std::move(options)) { check(); }
    template <std::convertible_to<std::string_view> S> explicit CSVLogger(const S& filename)
        : CSVLogger(CSVLoggerOptions{.filename = std::string(std::string_view(filename))}) {}
    std::string_view kind() const override { return "csv_logger"; }
    void fields(Fields& f) override {
        f("filename", o_.filename);
        f("separator", o_.separator);
        f("append", o_.append);
        check();
    }

    void on_train_begin(ModelBase&) override {
        names_.clear();
        header_.clear();
        torn_ = false;
        if (o_.append) {
            std::ifstream old(o_.filename, std::ios::binary);
            std::getline(old, header_);
            old.clear();
            if (!header_.empty() && old.seekg(-1, std::ios::end)) torn_ = old.get() != '\n';
        }
        write("", !o_.append);
    }
    void on_epoch_end(ModelBase&, Index epoch, std::span<const Log> logs) override {
        std::string text = torn_ ? "\n" : "";
        if (names_.empty()) {
            std::string header = "epoch";
            for (const Log& l : logs) {
                names_.emplace_back(l.name);
                header += o_.separator + quoted(names_.back());
            }
            if (header_.empty())
                text += header + "\n";
            else if (header != header_)
                throw_io_error(o_.filename + ": expects the header \"" + header + "\", got \"" +
                               header_.substr(0, 200) + "\"");
        }
        text += std::to_string(epoch);
        for (const std::string& name : names_) text += o_.separator + value(logs, name);
        write(text + "\n", false);
        torn_ = false;
    }

private:
    void check() const {
        if (o_.filename.empty()) throw_value_error("csv_logger: filename expects a path, got none");
        if (o_.separator.empty()) throw_value_error("csv_logger: separator expects a text, got none");
    }
    void write(const std::string& text, bool anew) const {
        std::ofstream file(o_.filename, std::ios::binary | (anew ? std::ios::trunc : std::ios::app));
        file << text << std::flush;
        if (!file) throw_io_error(o_.filename + ": cannot be written");
    }
    std::string quoted(const std::string& name) const {
        if (name.find(o_.separator) == std::string::npos && name.find_first_of("\"\r\n") == std::string::npos)
            return name;
        std::string s = "\"";
        for (const char c : name) s += c == '"' ? std::string("\"\"") : std::string(1, c);
        return s + "\"";
    }
    static std::string value(std::span<const Log> logs, const std::string& name) {
        for (const Log& l : logs) {
            if (l.name != name) continue;
            char text[32];
            return {text, std::to_chars(text, text + sizeof text, l.value).ptr};
        }
        return "NA";
    }

    CSVLoggerOptions o_;
    std::vector<std::string> names_;
    std::string header_; ///< that the file had
    bool torn_ = false;  ///< the file's last row has no end
};

GRADUS_END
