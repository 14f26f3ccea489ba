/// LSTM: long short-term memory over a sequence.
#pragma once
#include <gradus/kernels/dropout.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/lstm.hpp>
#include <gradus/layers/lstm_options.hpp>
#include <gradus/layers/recurrent.hpp>

#include <algorithm>

GRADUS_BEGIN

/// x [B, T, D] (then optional h0, c0 [B, U]) -> y [B, U], the last h; with return_sequences [B, T, U], every h; with
/// return_state also h and c [B, U]. Formula and gate order (i f c o): kernels/lstm.hpp. Parameters kernel [D, 4U],
/// recurrent_kernel [U, 4U], bias [4U]. A masked step copies h and c; masks pass with return_sequences and end here
/// without. go_backwards with return_sequences gives y in the order of processing. As Keras, but: with recurrent_dropout
/// all gates share one mask (Keras draws one for each); sigmoid and tanh are the only activations. PyTorch orders gates
/// i f g o.
template <class T = float> class LSTM : public Layer<LSTM, T>, public Recurrent {
public:
    LSTM() = default;
    explicit LSTM(Index units) : o_{.units = units} {}
    explicit LSTM(const LSTMOptions& options) : o_(options) {}

    std::string_view kind() const override { return "lstm"; }
    void fields(Fields& f) override { o_.fields(f); }
    bool return_sequences() const override { return o_.return_sequences; }
    bool return_state() const override { return o_.return_state; }
    int states() const override { return 2; }
    std::unique_ptr<LayerBase> reversed() const override {
        LSTM other = this->clone();
        other.o_.go_backwards = !o_.go_backwards;
        return other.copy();
    }

    void build(Build& b) override {
        o_.check(b);
        b.require_values(0, 3, 3, "[batch, time, features]");
        const Dim batch = b.in(0).shape[0], time = b.in(0).shape[1];
        b.require(b.in(0).shape[2].is_constant(), "a number of features known when the model is built");
        const Index features = b.in(0).shape[2].constant(), units = o_.units;
        for (int i : {1, 2}) {
            if (!b.in(i).present) continue;
            b.require_values(i, 2, 2, "states [batch, units]");
            b.require_equal(b.in(i).shape[0], batch, "states with the rows of the sequence", i);
            b.require_equal(b.in(i).shape[1], units, "states of " + std::to_string(units) + " units", i);
        }
        b.out(0, o_.return_sequences ? SymbolicShape{batch, time, units} : SymbolicShape{batch, units});
        b.mask(0, o_.return_sequences ? build::Mask::pass : build::Mask::stop);
        if (o_.return_state)
            for (int i : {1, 2}) b.out(i, {batch, units});
        kernel_ = b.param("kernel", {features, 4 * units}, o_.kernel_initializer,
                          regularized(b, o_.kernel_regularizer, o_.kernel_constraint));
        recurrent_kernel_ = b.param("recurrent_kernel", {units, 4 * units}, o_.recurrent_initializer,
                                    regularized(b, o_.recurrent_regularizer, o_.recurrent_constraint));
        if (o_.use_bias) {
            bias_ = b.param("bias", {4 * units}, o_.bias_initializer,
                            regularized(b, o_.bias_regularizer, o_.bias_constraint, {.decay = false}));
            if (o_.unit_forget_bias) b.preset(bias_, units, 2 * units, 1);
        }
        b.product(batch * time * features * (4 * units), kernel_);
        b.product(batch * time * units * (4 * units), recurrent_kernel_, build::Operand::own);
        b.backward_needs(build::Needs::neither);
        saved_ = b.saved<T>(
            Sizer{{batch, time}, [=](const Index* n) { return kernels::lstm_saved(n[0], n[1], features, units); }});
        workspace_ = b.scratch<T>(Sizer{{batch}, [=](const Index* n) {
                                            return std::max(kernels::lstm_forward_workspace(n[0], features, units),
                                                            kernels::lstm_backward_workspace(n[0], features, units));
                                        }});
        if (o_.dropout > 0) input_mask_ = b.kept<T>({batch, features});
        if (o_.recurrent_dropout > 0) recurrent_mask_ = b.kept<T>({batch, units});
        if (o_.return_state && !o_.return_sequences) dh_ = b.scratch<T>({batch, units});
        if (o_.stateful) {
            h_ = b.carry<T>("h", {batch, units});
            c_ = b.carry<T>("c", {batch, units});
        }
    }

    void forward(Run<T>& r) const override {
        auto a = arguments<kernels::LSTMForward<T>>(r);
        a.x = r.x(0).data();
        a.bias = r[bias_].data();
        a.h0 = r.x(1).empty() ? r.old(h_).data() : r.x(1).data();
        a.c0 = r.x(2).empty() ? r.old(c_).data() : r.x(2).data();
        a.input_mask = draw(r, input_mask_, Purpose::dropout, o_.dropout, a.batch, a.features);
        a.recurrent_mask = draw(r, recurrent_mask_, Purpose::recurrent_dropout, o_.recurrent_dropout, a.batch, a.units);
        a.y = o_.return_sequences ? r.y(0).data() : nullptr;
        T* states[2] = {r.y(1).data(), r.y(2).data()};
        T* carries[2] = {r.next(h_).data(), r.next(c_).data()};
        a.h = o_.return_sequences ? (states[0] ? states[0] : carries[0]) : r.y(0).data();
        a.c = states[1] ? states[1] : carries[1];
        kernels::lstm_forward(a);
        const auto copy = [&](T* to, const T* from) {
            if (to && to != from) std::copy_n(from, a.batch * a.units, to);
        };
        copy(states[0], a.h);
        copy(carries[0], a.h);
        copy(carries[1], a.c);
    }

    void backward(Run<T>& r) const override {
        auto a = arguments<kernels::LSTMBackward<T>>(r);
        if (r.training()) {
            a.input_mask = r[input_mask_].data();
            a.recurrent_mask = r[recurrent_mask_].data();
        }
        a.dy = o_.return_sequences ? r.dy(0).data() : nullptr;
        a.dh = r.dy(1).data();
        a.dc = r.dy(2).data();
        if (!o_.return_sequences && !r.dy(0).empty()) {
            if (a.dh) kernels::add(r[dh_].data(), a.dh, r.dy(0).data(), a.batch * a.units);
            a.dh = a.dh ? r[dh_].data() : r.dy(0).data();
        }
        a.dx = r.dx(0).data();
        a.dkernel = r.grad(kernel_).data();
        a.drecurrent_kernel = r.grad(recurrent_kernel_).data();
        a.dbias = r.grad(bias_).data();
        a.dh0 = r.dx(1).data();
        a.dc0 = r.dx(2).data();
        kernels::lstm_backward(a);
    }

private:
    /// What forward and backward have in common.
    template <class Arguments> Arguments arguments(Run<T>& r) const {
        const Shape s = r.x(0).shape();
        Arguments a;
        a.batch = s[0];
        a.time = s[1];
        a.features = s[2];
        a.units = o_.units;
        a.go_backwards = o_.go_backwards;
        a.kernel = r[kernel_].data();
        a.recurrent_kernel = r[recurrent_kernel_].data();
        a.mask = r.mask(0).data();
        a.saved = r[saved_].data();
        a.workspace = r[workspace_].data();
        a.precision = r.precision();
        return a;
    }
    static const T* draw(Run<T>& r, const Kept<T>& m, Purpose purpose, double rate, Index rows, Index cols) {
        if (!r.training() || rate <= 0) return nullptr;
        const auto mask = r[m];
        kernels::dropout_mask(mask.data(), r.random(purpose), static_cast<T>(rate), rows, cols);
        return mask.data();
    }
    LSTMOptions o_;
    Param kernel_, recurrent_kernel_, bias_;
    Carry<T> h_, c_;
    Saved<T> saved_;
    Scratch<T> workspace_, dh_;
    Kept<T> input_mask_, recurrent_mask_;
};

GRADUS_END
