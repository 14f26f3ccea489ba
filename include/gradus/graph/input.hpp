/// Input: where data enter a graph.
#pragma once
#include <gradus/graph/node.hpp>

GRADUS_BEGIN

/// A layer without inputs whose output is filled from outside: a column of the data. Never part of a user's layer list.
template <class T = float> class InputLayer : public Layer<InputLayer, T> {
public:
    InputLayer() = default;
    InputLayer(SymbolicShape shape, Dtype dtype, bool has_mask)
        : shape_(std::move(shape)), dtype_(dtype), mask_(has_mask) {}
    std::string_view kind() const override { return "input"; }
    void build(Build& b) override {
        if (dtype_ == Dtype::i32)
            b.out_as<std::int32_t>(0, shape_);
        else if (dtype_ == Dtype::u8)
            b.out_as<std::uint8_t>(0, shape_);
        else
            b.out(0, shape_);
        if (mask_) b.mask(0, build::Mask::make);
    }
    void forward(Run<T>&) const override {}
    void backward(Run<T>&) const override {}

private:
    SymbolicShape shape_;
    Dtype dtype_ = dtype_of<T>();
    bool mask_ = false;
};

/// A graph's input of the scalar T, of ids (std::int32_t) or flags (std::uint8_t), shape with its batch axis.
template <class T = float> Node input(SymbolicShape shape, Dtype dtype = dtype_of<T>(), bool has_mask = false) {
    const InputLayer<T> layer(std::move(shape), dtype, has_mask);
    return record(layer, std::vector<Node>{}, "the model's input");
}

GRADUS_END
