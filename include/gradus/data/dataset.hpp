/// Dataset: rows of inputs, targets and weights that fit and evaluate read batch by batch; TensorDataset: tensors as a
/// dataset.
#pragma once
#include <gradus/core/dim.hpp>
#include <gradus/core/tensor.hpp>

#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

GRADUS_BEGIN

/// One column of data, not owned: a tensor whose first axis are rows, or texts.
class Column {
public:
    Column() = default;
    template <class U> Column(const Tensor<U>& t) : view_(t.view()) {}
    template <class U> Column(View<U> v) : view_(v) {}
    template <Element U> Column(const std::vector<U>& v)
        : view_(View<const U>(v.data(), Shape{static_cast<Index>(v.size())})) {}
    template <class U>
        requires(!Element<U> && !std::is_same_v<U, std::string>)
    Column(const std::vector<U>&) {
        static_assert(Element<U>,
                      "a column is a Tensor, or a std::vector of float, double, std::int32_t, std::uint8_t or "
                      "std::string; make one of these first: std::vector<std::int32_t>(v.begin(), v.end())");
    }
    Column(const AnyView& v) : view_(v) {}
    Column(const std::vector<std::string>& texts) : texts_(texts), is_text_(true) {}
    Column(std::span<const std::string> texts) : texts_(texts), is_text_(true) {}

    bool is_text() const { return is_text_; }
    const AnyView& view() const { return view_; }
    std::span<const std::string> texts() const { return texts_; }
    Index rows() const {
        if (is_text_) return static_cast<Index>(texts_.size());
        return view_.shape.rank() ? view_.shape[0] : 0;
    }

private:
    AnyView view_;
    std::span<const std::string> texts_;
    bool is_text_ = false;
};

/// What fit, evaluate and predict take: one column, or several in braces. Refers to the caller's data while the call
/// lasts; holds them inline, so that a step of one's own allocates nothing.
class Columns {
public:
    static constexpr std::size_t max_columns = 8;

    Columns() = default;
    template <class U> Columns(const Tensor<U>& t) { add(Column(t)); }
    template <class U> Columns(View<U> v) { add(Column(v)); }
    template <class U> Columns(const std::vector<U>& v) { add(Column(v)); }
    Columns(const AnyView& v) { add(Column(v)); }
    Columns(const Column& c) { add(c); }
    /// Throws ValueError on more than eight columns.
    Columns(std::initializer_list<Column> columns) {
        for (const Column& c : columns) add(c);
    }
    void add(const Column& c) {
        if (size_ == max_columns) throw_value_error("columns: expects at most 8");
        list_[size_++] = c;
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const Column& operator[](std::size_t i) const { return list_[i]; }
    const Column* begin() const { return list_.data(); }
    const Column* end() const { return list_.data() + size_; }

private:
    std::array<Column, max_columns> list_;
    std::size_t size_ = 0;
};

/// Shape of one row and element type of a column.
struct ColumnSpec {
    Shape row;
    Dtype dtype = Dtype::f32;
};

/// What a dataset's rows hold.
struct DatasetSpec {
    std::vector<ColumnSpec> inputs, targets;
    ColumnSpec weights;
    bool has_weights = false;
};

/// Views that `fit` owns and a dataset fills; converting to their element types is the dataset's task (`gather_rows`).
struct Batch {
    std::span<const AnyView> inputs, targets;
    AnyView weights;
};

/// Rows by number. `read` allocates nothing and may be called from several threads; what is random in it depends on
/// (seed, epoch, row) only.
class Dataset {
public:
    virtual ~Dataset() = default;
    virtual Index size() const = 0;
    virtual const DatasetSpec& spec() const = 0;
    /// The values of symbols that these rows need, beside `batch` (a ragged axis, the longest sequence).
    virtual void extents(std::span<const Index> rows, Extents& extents) const {
        (void)rows;
        (void)extents;
    }
    virtual void read(std::span<const Index> rows, Batch& out) const = 0;
};

namespace detail {
template <class To, class From> void gather_as(To* to, const From* from, std::span<const Index> rows, Index width) {
    for (const Index r : rows) {
        if constexpr (std::is_same_v<To, From>)
            std::memcpy(to, from + r * width, static_cast<std::size_t>(width) * sizeof(To));
        else
            for (Index i = 0; i < width; ++i) to[i] = static_cast<To>(from[r * width + i]);
        to += width;
    }
}
template <class To> void gather_to(To* to, const AnyView& from, std::span<const Index> rows, Index width) {
    switch (from.dtype) {
    case Dtype::f32: return gather_as(to, static_cast<const float*>(from.data), rows, width);
    case Dtype::f64: return gather_as(to, static_cast<const double*>(from.data), rows, width);
    case Dtype::i32: return gather_as(to, static_cast<const std::int32_t*>(from.data), rows, width);
    case Dtype::u8: return gather_as(to, static_cast<const std::uint8_t*>(from.data), rows, width);
    }
}
} // namespace detail

/// Copies rows of `from` to `to`, converting numbers. Allocates nothing.
inline void gather_rows(const AnyView& to, const AnyView& from, std::span<const Index> rows) {
    const Index width = from.shape.rank() ? from.shape.product(1, from.shape.rank()) : 0;
    switch (to.dtype) {
    case Dtype::f32: return detail::gather_to(static_cast<float*>(to.data), from, rows, width);
    case Dtype::f64: return detail::gather_to(static_cast<double*>(to.data), from, rows, width);
    case Dtype::i32: return detail::gather_to(static_cast<std::int32_t*>(to.data), from, rows, width);
    case Dtype::u8: return detail::gather_to(static_cast<std::uint8_t*>(to.data), from, rows, width);
    }
}

/// Copies all elements of `from` to `to`, converting numbers; the counts are equal, the shapes may differ. Allocates
/// nothing.
inline void copy_column(const AnyView& to, AnyView from) {
    const Index all[] = {0};
    from.shape = Shape{1, from.shape.size()};
    gather_rows(to, from, all);
}

/// Tensors in memory, not owned: row r of each column belongs together. Throws ShapeError where row counts differ.
class TensorDataset : public Dataset {
public:
    TensorDataset(std::vector<AnyView> inputs, std::vector<AnyView> targets, AnyView weights = {})
        : inputs_(std::move(inputs)), targets_(std::move(targets)), weights_(weights) {
        rows_ = inputs_.empty() ? 0 : rows_of(inputs_[0]);
        for (const AnyView& v : inputs_) spec_.inputs.push_back(describe(v, "input"));
        for (const AnyView& v : targets_) spec_.targets.push_back(describe(v, "target"));
        spec_.has_weights = !weights_.empty() || weights_.shape.rank() > 0;
        if (spec_.has_weights) spec_.weights = describe(weights_, "sample weight");
    }

    Index size() const override { return rows_; }
    const DatasetSpec& spec() const override { return spec_; }
    void read(std::span<const Index> rows, Batch& out) const override {
        for (std::size_t i = 0; i < inputs_.size(); ++i) gather_rows(out.inputs[i], inputs_[i], rows);
        for (std::size_t i = 0; i < targets_.size() && i < out.targets.size(); ++i)
            gather_rows(out.targets[i], targets_[i], rows);
        if (spec_.has_weights && !out.weights.empty()) gather_rows(out.weights, weights_, rows);
    }
    const std::vector<AnyView>& inputs() const { return inputs_; }
    const std::vector<AnyView>& targets() const { return targets_; }
    const AnyView& weights() const { return weights_; }

private:
    static Index rows_of(const AnyView& v) { return v.shape.rank() ? v.shape[0] : 0; }
    ColumnSpec describe(const AnyView& v, const char* what) const {
        if (v.shape.rank() == 0)
            throw_shape_error(std::string(what) + ": expects rows on the first axis, got a scalar");
        if (rows_of(v) != rows_)
            throw_shape_error(std::string(what) + ": expects " + std::to_string(rows_) + " rows, got " +
                              gradus::to_string(v.shape));
        Shape row;
        for (Index i = 1; i < v.shape.rank(); ++i) row.push_back(v.shape[i]);
        return {row, v.dtype};
    }

    std::vector<AnyView> inputs_, targets_;
    AnyView weights_;
    Index rows_ = 0;
    DatasetSpec spec_;
};

GRADUS_END
