/// Preprocessor: the interface of what turns raw columns into tensors before the graph, and is saved with the model.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/core/tensor.hpp>

#include <memory>
#include <span>
#include <string>

GRADUS_BEGIN

/// Turns texts into ids. Not a layer: it runs where data enter, may allocate and throw, and learns from data before
/// training.
///
/// Copies share what was learned, so an `adapt` after the model took its copy reaches the model. `fields` are the
/// options, `state` is what was learned. Reading from several threads is safe; adapt is not to run meanwhile.
class Preprocessor : public Described {
public:
    /// Learns from data, anew each time. Throws ValueError on data that teach nothing; what was known then stays.
    virtual void adapt(std::span<const std::string> texts) = 0;
    /// Whether apply can work: something was learned or given.
    virtual bool adapted() const = 0;

    /// Columns of every output; 0: it depends on the texts.
    virtual Index output_length() const = 0;
    /// Columns of the output for these texts.
    virtual Index output_length(std::span<const std::string> texts) const = 0;
    /// One row for each text. Throws ValueError before adapt, ShapeError where `out` has other sizes.
    virtual void apply(std::span<const std::string> texts, View<std::int32_t> out) const = 0;
    /// The same as a tensor [texts, output_length(texts)].
    Tensor<std::int32_t> apply(std::span<const std::string> texts) const {
        Tensor<std::int32_t> out(Shape{static_cast<Index>(texts.size()), output_length(texts)});
        apply(texts, out.view());
        return out;
    }

    /// Shares what was learned.
    virtual std::unique_ptr<Preprocessor> copy() const = 0;
    /// Knows the same, but learns on its own.
    virtual std::unique_ptr<Preprocessor> clone() const = 0;
};

GRADUS_END
