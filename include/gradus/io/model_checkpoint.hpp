/// ModelCheckpoint: saves the model while it trains.
#pragma once
#include <gradus/callbacks/monitor.hpp>
#include <gradus/io/model_file.hpp>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

GRADUS_BEGIN

struct ModelCheckpointOptions {
    /// "best.safetensors"; "{epoch}" and names of logs stand for numbers, as
    /// "model-{epoch:02d}-{val_loss:.2f}.safetensors". Missing directories are created.
    std::string filepath;
    std::string monitor = "val_loss"; ///< what save_best_only looks at
    bool save_best_only = false;      ///< only where the monitored value is better than all before
    bool save_weights_only = false;   ///< variables alone, for load_weights; else the whole model, to train on
    Improves mode = Improves::automatic;
    Index save_freq = 0;                                ///< 0: after each epoch; n: after every n updates
    std::optional<double> initial_value_threshold = {}; ///< best value before training
};

namespace detail {

/// A number as a format such as "", "02d", ".4f" or "10.3e" says; "" : an integer, or the shortest text of a double.
inline std::string format_number(double value, const std::string& format, const std::string& path) {
    std::size_t at = 0;
    const auto digits = [&] {
        int n = 0, count = 0;
        for (; at < format.size() && format[at] >= '0' && format[at] <= '9' && count < 3; ++at, ++count)
            n = 10 * n + (format[at] - '0');
        return n;
    };
    const bool zeros = !format.empty() && format[0] == '0';
    const int width = digits();
    const bool has_precision = at < format.size() && format[at] == '.';
    if (has_precision) ++at;
    const int precision = has_precision ? digits() : 6;
    const char type = at + 1 == format.size() ? format[at] : '\0';
    char text[128];
    int n = -1;
    if (format.empty())
        return {text, value == std::floor(value) && std::abs(value) < 1e15
                          ? std::to_chars(text, text + sizeof text, static_cast<Index>(value)).ptr
                          : std::to_chars(text, text + sizeof text, value).ptr};
    if (width < 64 && precision < 32 && std::abs(value) < 1e15) {
        if (type == 'd' && !has_precision)
            n = std::snprintf(text, sizeof text, zeros ? "%0*lld" : "%*lld", width, static_cast<long long>(value));
        else if (type == 'f')
            n = std::snprintf(text, sizeof text, zeros ? "%0*.*f" : "%*.*f", width, precision, value);
        else if (type == 'e')
            n = std::snprintf(text, sizeof text, zeros ? "%0*.*e" : "%*.*e", width, precision, value);
        else if (type == 'g')
            n = std::snprintf(text, sizeof text, zeros ? "%0*.*g" : "%*.*g", width, precision, value);
    }
    if (n < 0)
        throw_value_error("model_checkpoint: filepath expects formats such as {epoch:02d} and {val_loss:.4f}, got \"" +
                          path + "\"");
    return {text, static_cast<std::size_t>(n)};
}

/// A path with numbers in place of "{epoch}", "{batch}" and names of logs.
inline std::string fill_path(const std::string& path, Index epoch, Index batch, std::span<const Log> logs) {
    std::string result;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '{') {
            result += path[i];
            continue;
        }
        const std::size_t end = path.find('}', i);
        if (end == std::string::npos)
            throw_value_error("model_checkpoint: filepath expects a } after each {, got \"" + path + "\"");
        const std::string field = path.substr(i + 1, end - i - 1), name = field.substr(0, field.find(':'));
        const std::string format = name.size() < field.size() ? field.substr(name.size() + 1) : std::string();
        const bool epochs = name == "epoch", batches = name == "batch" && batch > 0;
        const double value = epochs    ? static_cast<double>(epoch)
                             : batches ? static_cast<double>(batch)
                                       : monitored(logs, name, "model_checkpoint", "filepath");
        result += format_number(value, format, path);
        i = end;
    }
    return result;
}

} // namespace detail

/// As Keras's: epochs (and "{batch}") in file names count from 1. Each file is written whole or not at all, so that a
/// killed run leaves the one before; folders are made. A run that loads the file of epoch n and calls fit with
/// `.initial_epoch = n` goes on as if it had not stopped. Throws ValueError on a file name that cannot be filled in,
/// where save_best_only lacks its monitor, and where the model is of another scalar (`ModelCheckpoint<double>`),
/// IoError where the file cannot be written.
template <class T = float> class ModelCheckpoint : public Callback {
public:
    explicit ModelCheckpoint(const ModelCheckpointOptions& options) : o_(options) { check(); }
    std::string_view kind() const override { return "model_checkpoint"; }
    void fields(Fields& f) override {
        f("filepath", o_.filepath);
        f("monitor", o_.monitor);
        f("save_best_only", o_.save_best_only);
        f("save_weights_only", o_.save_weights_only);
        f("mode", o_.mode);
        f("save_freq", o_.save_freq);
        check();
    }
    void state(Fields& f) override {
        f("best", best_);
        f("waited", waited_);
    }

    void on_train_begin(ModelBase& model) override {
        if (!dynamic_cast<Model<T>*>(&model))
            throw_value_error("model_checkpoint: expects a model of " + std::string(name_of(dtype_of<T>())) +
                              "; the scalar is a template argument, ModelCheckpoint<double>");
        best_ = o_.initial_value_threshold.value_or(detail::worst_value(up()));
        waited_ = saved_ = 0;
        path_.clear();
    }
    void on_epoch_begin(ModelBase&, Index epoch) override { epoch_ = epoch; }
    void on_epoch_end(ModelBase& model, Index, std::span<const Log> logs) override {
        if (o_.save_freq == 0) save_to(model, -1, logs);
    }
    void on_batch_end(ModelBase& model, Index batch, std::span<const Log> logs) override {
        if (o_.save_freq == 0 || ++waited_ < o_.save_freq) return;
        waited_ = 0;
        save_to(model, batch, logs);
    }

    double best() const { return best_; }
    /// The file written last; "" before any.
    const std::string& path() const { return path_; }
    /// Number of files written since training began.
    Index saved() const { return saved_; }

private:
    bool up() const { return detail::improves_up(o_.mode, o_.monitor); }
    void check() const {
        if (o_.filepath.empty()) throw_value_error("model_checkpoint: filepath expects a path, got none");
        if (o_.save_freq < 0)
            throw_value_error("model_checkpoint: save_freq expects at least 0, got " + std::to_string(o_.save_freq));
    }
    void save_to(ModelBase& model, Index batch, std::span<const Log> logs) {
        if (o_.save_best_only) {
            const double value = detail::monitored(logs, o_.monitor, kind());
            if (!(up() ? value > best_ : value < best_)) return;
            best_ = value;
        }
        path_ = detail::fill_path(o_.filepath, epoch_ + 1, batch + 1, logs);
        const auto folder = std::filesystem::path(path_).parent_path();
        std::error_code error;
        if (!folder.empty()) std::filesystem::create_directories(folder, error);
        if (o_.save_weights_only) {
            std::vector<NamedView> tensors;
            for (const ModelBase::Variable& v : model.variables()) tensors.emplace_back(v.name, v.view);
            write_safetensors(path_, tensors);
        } else {
            save(dynamic_cast<Model<T>&>(model), path_);
        }
        ++saved_;
    }

    ModelCheckpointOptions o_;
    double best_ = 0;
    Index epoch_ = 0, waited_ = 0, saved_ = 0;
    std::string path_;
};
ModelCheckpoint(ModelCheckpointOptions) -> ModelCheckpoint<float>;

GRADUS_END
