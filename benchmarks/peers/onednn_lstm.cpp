// oneDNN's LSTM primitives alone, forward and backward: onednn_lstm WORKLOAD SECONDS, lstm_text or lstm_char; threads
// by OMP_NUM_THREADS. No embedding, dropout, loss, Dense or optimizer: what a peer built on them could reach at best.
//
//     c++ -O3 -march=native -std=c++17 onednn_lstm.cpp -o onednn_lstm -ldnnl
#include "common.hpp"

#include <dnnl.hpp>

#include <cstring>

namespace {

using Memory = dnnl::memory;

Memory filled(const Memory::desc& d, const dnnl::engine& engine) {
    Memory m(d, engine);
    auto* p = static_cast<float*>(m.get_data_handle());
    for (std::size_t i = 0; i < d.get_size() / sizeof(float); ++i)
        p[i] = 0.1f * (static_cast<float>(i * 37 % 101) / 101 - 0.5f);
    return m;
}

void zero(Memory& m) { std::memset(m.get_data_handle(), 0, m.get_desc().get_size()); }

// One layer, from `x` [time, batch, inputs] to [time, batch, units]; the library chooses how its weights lie.
class Lstm {
public:
    Lstm(const dnnl::engine& engine, Memory x, long inputs, long units) : x_(x) {
        const auto shape = x.get_desc().dims();
        const auto any = [](Memory::dims dims) {
            return Memory::desc(dims, Memory::data_type::f32, Memory::format_tag::any);
        };
        const Memory::desc none, input = x.get_desc();
        const Memory::desc output({shape[0], shape[1], units}, Memory::data_type::f32, Memory::format_tag::tnc);
        const Memory::desc bias({1, 1, 4, units}, Memory::data_type::f32, Memory::format_tag::ldgo);
        const auto kernel = any({1, 1, inputs, 4, units}), recurrent = any({1, 1, units, 4, units});
        const auto one_way = dnnl::rnn_direction::unidirectional_left2right;
#if DNNL_VERSION_MAJOR >= 3
        const dnnl::lstm_forward::primitive_desc f(engine, dnnl::prop_kind::forward_training, one_way, input, none,
                                                   none, kernel, recurrent, bias, output, none, none);
        const dnnl::lstm_backward::primitive_desc b(engine, dnnl::prop_kind::backward, one_way, input, none, none,
                                                    kernel, recurrent, bias, output, none, none, input, none, none,
                                                    kernel, recurrent, bias, output, none, none, f);
#else
        const dnnl::lstm_forward::desc forward(dnnl::prop_kind::forward_training, one_way, input, none, none, kernel,
                                               recurrent, bias, output, none, none);
        const dnnl::lstm_backward::desc backward(dnnl::prop_kind::backward, one_way, input, none, none, kernel,
                                                 recurrent, bias, output, none, none, input, none, none, kernel,
                                                 recurrent, bias, output, none, none);
        const dnnl::lstm_forward::primitive_desc f(forward, engine);
        const dnnl::lstm_backward::primitive_desc b(backward, engine, f);
#endif
        forward_ = dnnl::lstm_forward(f);
        backward_ = dnnl::lstm_backward(b);
        kernel_ = filled(f.weights_layer_desc(), engine);
        recurrent_ = filled(f.weights_iter_desc(), engine);
        bias_ = filled(bias, engine);
        y_ = filled(output, engine);
        workspace_ = Memory(f.workspace_desc(), engine);
        turned_kernel_ = Memory(b.weights_layer_desc(), engine);
        turned_recurrent_ = Memory(b.weights_iter_desc(), engine);
        dx_ = Memory(b.diff_src_layer_desc(), engine);
        dkernel_ = Memory(b.diff_weights_layer_desc(), engine);
        drecurrent_ = Memory(b.diff_weights_iter_desc(), engine);
        dbias_ = Memory(bias, engine);
    }

    Memory y() const { return y_; }
    Memory dx() const { return dx_; }

    void forward(dnnl::stream& stream) {
        forward_.execute(stream, {{DNNL_ARG_SRC_LAYER, x_},
                                  {DNNL_ARG_WEIGHTS_LAYER, kernel_},
                                  {DNNL_ARG_WEIGHTS_ITER, recurrent_},
                                  {DNNL_ARG_BIAS, bias_},
                                  {DNNL_ARG_DST_LAYER, y_},
                                  {DNNL_ARG_WORKSPACE, workspace_}});
    }

    // The weights have just changed, so their order for backward is made anew; its gradients are added to what is
    // there.
    void backward(dnnl::stream& stream, const Memory& dy) {
        dnnl::reorder(kernel_, turned_kernel_).execute(stream, kernel_, turned_kernel_);
        dnnl::reorder(recurrent_, turned_recurrent_).execute(stream, recurrent_, turned_recurrent_);
        for (auto* m : {&dkernel_, &drecurrent_, &dbias_}) zero(*m);
        backward_.execute(stream, {{DNNL_ARG_SRC_LAYER, x_},
                                   {DNNL_ARG_WEIGHTS_LAYER, turned_kernel_},
                                   {DNNL_ARG_WEIGHTS_ITER, turned_recurrent_},
                                   {DNNL_ARG_BIAS, bias_},
                                   {DNNL_ARG_DST_LAYER, y_},
                                   {DNNL_ARG_WORKSPACE, workspace_},
                                   {DNNL_ARG_DIFF_SRC_LAYER, dx_},
                                   {DNNL_ARG_DIFF_WEIGHTS_LAYER, dkernel_},
                                   {DNNL_ARG_DIFF_WEIGHTS_ITER, drecurrent_},
                                   {DNNL_ARG_DIFF_BIAS, dbias_},
                                   {DNNL_ARG_DIFF_DST_LAYER, dy}});
    }

private:
    Memory x_, y_, kernel_, recurrent_, bias_, workspace_, turned_kernel_, turned_recurrent_, dx_, dkernel_,
        drecurrent_, dbias_;
    dnnl::lstm_forward forward_;
    dnnl::lstm_backward backward_;
};

void train(const char* workload, long batch, long length, long inputs, long units, int layers, double seconds) {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const Memory x = filled({{length, batch, inputs}, Memory::data_type::f32, Memory::format_tag::tnc}, engine);
    std::vector<Lstm> chain;
    for (int i = 0; i < layers; ++i)
        chain.emplace_back(engine, i == 0 ? x : chain.back().y(), i == 0 ? inputs : units, units);
    const Memory dy = filled(chain.back().y().get_desc(), engine);
    const auto step = [&] {
        for (auto& layer : chain) layer.forward(stream);
        for (std::size_t i = chain.size(); i-- > 0;)
            chain[i].backward(stream, i + 1 == chain.size() ? dy : chain[i + 1].dx());
        stream.wait();
    };

    const std::string version = "oneDNN " + std::to_string(DNNL_VERSION_MAJOR) + "." +
                                std::to_string(DNNL_VERSION_MINOR) + "." + std::to_string(DNNL_VERSION_PATCH);
    measure(version, workload, static_cast<std::size_t>(batch), seconds, 5, step, [] {});
}

} // namespace

int main(int argc, char** argv) {
    const auto [workload, seconds] = Request(argc, argv);
    if (workload == "lstm_text") {
        train("lstm_text", 32, 100, 50, 64, 1, seconds);
    } else if (workload == "lstm_char") {
        train("lstm_char", 64, 64, 128, 256, 2, seconds);
    } else {
        std::fprintf(stderr, "usage: onednn_lstm lstm_text|lstm_char [SECONDS]\n");
        return 2;
    }
}
