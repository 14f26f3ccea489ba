// The test of the test: a right layer passes, and each way of being wrong is found.
#include "catch.hpp"
#include "sanitizer.hpp"

#include <gradus/testing/check_layer.hpp>

#include <algorithm>
#include <string>

using namespace gradus;

namespace {

enum class Fault {
    none,
    wrong_gradient,
    overwrites_parameter,
    no_dx,
    half_of_dx,
    no_y,
    reads_dy_blindly,
    wrong_in_place,
    trains_only,
    wrong_bias,
    writes_frozen,
    depends_on_plan,
    wrong_mask,
    saved_without_plan,
    parallel,
    allocates,
    wrong_in_float,
    ends_deaf,
    passes_blindly
};
std::span<const std::string_view> enum_names(Fault) {
    static constexpr std::string_view names[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8", "9",
                                                 "10", "11", "12", "13", "14", "15", "16", "17", "18"};
    return names;
}

// y = w x + b, with faults.
template <class T = float> class Faulty : public Layer<Faulty, T> {
public:
    Faulty() = default;
    explicit Faulty(Fault fault, int outputs = 1) : fault_(fault), outputs_(outputs) {}
    std::string_view kind() const override { return "faulty"; }
    void fields(Fields& f) override { f("fault", fault_), f("outputs", outputs_); }
    activation::Kind ends_with() const override { return fault_ == Fault::ends_deaf ? sigmoid : linear; }
    bool passes_over(activation::Kind kind) const override { return fault_ == Fault::passes_blindly && kind == relu; }
    void build(Build& b) override {
        for (int o = 0; o < outputs_; ++o) b.out(o, b.in(0).shape);
        const bool makes = fault_ == Fault::wrong_mask;
        b.mask(0, makes ? build::Mask::make : build::Mask::pass);
        if (fault_ == Fault::wrong_in_place) b.in_place();
        if (fault_ == Fault::wrong_in_place) b.backward_needs(build::Needs::neither);
        weight_ = b.param("weight", {b.in(0).shape.back()}, initializers::glorot_uniform());
        bias_ = b.param("bias", {b.in(0).shape.back()}, initializers::zeros());
        saved_ = b.saved<T>(b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0), w = r[weight_], b = r[bias_];
        const Index n = w.size();
        const T wrong = fault_ == Fault::wrong_in_float && std::is_same_v<T, float> ? T(1.01) : T(1);
        T extra = fault_ == Fault::depends_on_plan && r[saved_].empty() ? T(0.5) : T(0);
        if (fault_ == Fault::parallel) extra = T(threads()) * T(1e-5);
        if (fault_ == Fault::allocates) delete new (std::nothrow) int(3);
        for (int o = 0; o < outputs_; ++o)
            for (Index i = 0; i < x.size(); ++i)
                if (fault_ != Fault::no_y || i > 0) r.y(o)[i] = w[i % n] * x[i] * wrong + b[i % n] + extra;
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), w = r[weight_];
        const auto dx = r.dx(0);
        const auto gw = r.grad(weight_), gb = r.grad(bias_);
        const Index n = w.size();
        if (!gw.empty() && fault_ == Fault::overwrites_parameter) std::fill(gw.begin(), gw.end(), T(0));
        for (Index i = 0; i < dx.size(); ++i)
            if (fault_ != Fault::no_dx && (fault_ != Fault::half_of_dx || i % 2 == 0)) dx[i] = 0;
        for (int o = 0; o < outputs_; ++o) {
            const auto dy = r.dy(o);
            if (dy.empty() && fault_ != Fault::reads_dy_blindly) continue;
            for (Index i = 0; i < x.size(); ++i) {
                const T d = dy.empty() ? T(1) : dy[i];
                if (!gw.empty()) gw[i % n] += d * x[i];
                if (!gb.empty() && fault_ != Fault::wrong_bias) gb[i % n] += d;
                if (dx.empty() || fault_ == Fault::no_dx || (fault_ == Fault::half_of_dx && i % 2)) continue;
                T g = d * w[i % n];
                if (fault_ == Fault::wrong_gradient) g *= T(1.0001);
                if (fault_ == Fault::trains_only && !r.training()) g = 0;
                if (fault_ == Fault::writes_frozen && gw.empty()) g = 0;
                dx[i] += g;
            }
        }
    }

private:
    Fault fault_ = Fault::none;
    int outputs_ = 1;
    Param weight_, bias_;
    Saved<T> saved_;
};

// Drops through a mask it makes anew in backward: the two differ.
template <class T = float> class Forgetful : public Layer<Forgetful, T> {
public:
    std::string_view kind() const override { return "forgetful"; }
    void build(Build& b) override { b.out(0, b.in(0).shape); }
    void forward(Run<T>& r) const override { apply(r, r.x(0), r.y(0), Purpose::dropout); }
    void backward(Run<T>& r) const override { apply(r, r.dy(0), r.dx(0), Purpose::noise); }

private:
    static void apply(Run<T>& r, View<const T> from, View<T> to, Purpose purpose) {
        for (Index i = 0; i < to.size(); ++i)
            to[i] = r.training() && (r.random(purpose).word(0, i) & 1) ? T(0) : from[i];
    }
};

// y = x + what the last call carried; forgets to carry on, or carries all but the first.
template <class T = float> class Carries : public Layer<Carries, T> {
public:
    Carries() = default;
    explicit Carries(Index first, bool reads = true) : first_(first), reads_(reads) {}
    std::string_view kind() const override { return "carries"; }
    void fields(Fields& f) override { f("first", first_), f("reads", reads_); }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        h_ = b.template carry<T>("h", b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.y(0).size(); ++i) {
            r.y(0)[i] = r.x(0)[i] + (reads_ ? r.old(h_)[i] : T(0));
            if (i >= first_) r.next(h_)[i] = r.y(0)[i];
        }
    }
    void backward(Run<T>& r) const override { std::copy(r.dy(0).begin(), r.dy(0).end(), r.dx(0).begin()); }

private:
    Index first_ = 0;
    bool reads_ = true;
    Carry<T> h_;
};

// The last step: [B, T, D] -> [B, D].
template <class T = float> class LastStep : public Layer<LastStep, T> {
public:
    LastStep() = default;
    explicit LastStep(build::Mask mask) : mask_(static_cast<Index>(mask)) {}
    std::string_view kind() const override { return "last_step"; }
    void fields(Fields& f) override { f("mask", mask_); }
    void build(Build& b) override {
        b.require_values(0, 3, 3, "[batch, time, features]");
        b.out(0, {b.in(0).shape[0], b.in(0).shape[2]});
        b.mask(0, static_cast<build::Mask>(mask_));
    }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = r.x(0)[from(r.x(0).shape(), i)];
    }
    void backward(Run<T>& r) const override {
        std::fill(r.dx(0).begin(), r.dx(0).end(), T(0));
        for (Index i = 0; i < r.dy(0).size(); ++i) r.dx(0)[from(r.dx(0).shape(), i)] = r.dy(0)[i];
    }

private:
    static Index from(const Shape& x, Index i) { return (i / x[2] * x[1] + x[1] - 1) * x[2] + i % x[2]; }
    Index mask_ = 0;
};

std::string complaint(const auto& layer, const CheckOptions& options = {}) {
    try {
        check_layer(layer, options);
    } catch (const Error& e) { return e.what(); }
    return {};
}

template <class T = float> class Swish : public Layer<Swish, T> {
public:
    std::string_view kind() const override { return "swish"; }
    void build(Build& b) override { b.out(0, b.in(0).shape), b.mask(0, build::Mask::pass); }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        for (Index i = 0; i < x.size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), dy = r.dy(0);
        const auto dx = r.dx(0);
        for (Index i = 0; i < dx.size(); ++i) {
            const T s = 1 / (1 + std::exp(-x[i]));
            dx[i] = dy[i] * (s + x[i] * s * (1 - s));
        }
    }
};

} // namespace

TEST_CASE("check_layer: right layers pass") {
    check_layer<Swish>();
    CHECK(complaint(Faulty<double>(Fault::none)) == "");
    CHECK(complaint(Faulty<float>(Fault::none, 3)) == "");
    CHECK(complaint(Faulty<double>(Fault::none),
                    {.inputs = {{.shape = {dim::batch(), dim::time(), 2}, .mask = true}}}) == "");
}

TEST_CASE("check_layer: wrong layers are found") {
    using enum Fault;
    const auto fault = [](Fault f, int outputs = 1) { return complaint(Faulty<double>(f, outputs)); };
    CHECK_THAT(fault(wrong_gradient), ContainsSubstring("check_layer(faulty): dx(0)[0] expects"));
    CHECK_THAT(fault(wrong_gradient), ContainsSubstring("(finite difference), got"));
    CHECK_THAT(fault(wrong_gradient), ContainsSubstring("; batch 1, inference, seed 1"));
    CHECK_THAT(fault(overwrites_parameter), ContainsSubstring("grad(weight)[0] expects"));
    CHECK_THAT(fault(no_dx), ContainsSubstring("dx(0)[0] is not a number"));
    CHECK_THAT(fault(half_of_dx), ContainsSubstring("dx(0)[1] is not a number"));
    CHECK_THAT(fault(no_y), ContainsSubstring("y(0)[0] is not a number"));
    CHECK_THAT(fault(reads_dy_blindly, 2), ContainsSubstring("as when the other outputs' gradients are zero"));
    CHECK_THAT(fault(wrong_in_place), ContainsSubstring("as when nothing is in place"));
    CHECK_THAT(fault(trains_only), ContainsSubstring("dx(0)[0]"));
    CHECK_THAT(fault(wrong_bias), ContainsSubstring("grad(bias)[0]"));
    CHECK_THAT(fault(writes_frozen), ContainsSubstring("as when the parameters are trained"));
    CHECK_THAT(fault(depends_on_plan), ContainsSubstring("as in a differentiated plan"));
    CHECK_THAT(fault(ends_deaf), ContainsSubstring("as when the reader does not pass over the layer's activation"));
    CHECK_THAT(fault(passes_blindly),
               ContainsSubstring("as when the layer does not pass over its producer's activation"));
    CHECK_THAT(fault(wrong_mask), ContainsSubstring("mask(0)[0] expects 0 or 1, got 255"));
    CHECK_THAT(fault(parallel), ContainsSubstring("default number of threads"));
    CHECK(complaint(LastStep<double>()) ==
          "last_step: expects [batch, time, features], got [batch, 5]; its input is check_layer's input");
    CHECK_THAT(fault(wrong_in_float), ContainsSubstring("(in double)"));
    CHECK_THAT(complaint(Forgetful<double>()), ContainsSubstring("batch 1, training"));
    if (AllocationGuard::counting() && !GRADUS_EIGEN_KERNELS && !thread_sanitizer)
        CHECK_THAT(fault(allocates), ContainsSubstring("1 allocations, expects none"));
}

TEST_CASE("check_layer: a carry must be written") {
    CHECK(complaint(Carries<double>(0)) == "");
    CHECK_THAT(complaint(Carries<double>(100)), ContainsSubstring("is not a number: never written"));
    CHECK_THAT(complaint(Carries<double>(1)), ContainsSubstring("is not a number: never written"));
    CHECK_THAT(complaint(Carries<double>(1, false)), ContainsSubstring("next(h)[0] is not a number: never written"));
}

TEST_CASE("check_layer: what masks do") {
    using build::Mask;
    CheckOptions sequence{.inputs = {{.shape = {dim::batch(), dim::time(), 2}, .mask = true}}};
    CHECK(complaint(LastStep<double>(Mask::stop), sequence) == "");
    CHECK_THAT(
        complaint(LastStep<double>(Mask::pass), sequence),
        ContainsSubstring("last_step: expects the first two axes of input 0 [batch, time, 2] in output 0 [batch, 2], "
                          "to which its mask passes, got 3 and 2"));
    sequence.masks = {Mask::pass};
    CHECK(complaint(Swish<double>(), sequence) == "");
    CHECK_THAT(complaint(LastStep<double>(Mask::stop), sequence),
               ContainsSubstring("check_layer(last_step): output 0 expects that its mask passes, got one that stops"));
    sequence.masks = {Mask::stop, Mask::stop};
    CHECK_THAT(complaint(LastStep<double>(Mask::stop), sequence), ContainsSubstring("expects output 1, got 1"));
}
