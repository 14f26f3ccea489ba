#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/global_average_pooling_1d.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("GlobalAveragePooling1D: gradients") {
    for (const bool mask : {false, true})
        CHECK_NOTHROW(
            check_layer<GlobalAveragePooling1D>({.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = mask}}}));
}

TEST_CASE("GlobalAveragePooling1D: Keras's numbers", "[golden]") {
    const auto file = golden_file("global_average_pooling_1d");
    const auto check = [&]<class T>(T, const std::string& name) {
        const Golden<T> g{file, name + "/", {"x"}, {"y"}, {}};
        const auto in = g.nodes();
        Harness<T> h(in, {GlobalAveragePooling1D<T>()(in[0])});
        g.load(h);
        g.check(h);
    };
    for (const std::string name : {"plain", "mask"}) check(float(), name), check(double(), name);
}

TEST_CASE("GlobalAveragePooling1D: bits, allocations, a sample without steps, bad input") {
    check_promises(GlobalAveragePooling1D(), {dim::batch(), 50, 30}, 70, true);
    const Node x = input({dim::batch(), dim::time(), 2}, Dtype::f32, true);
    Harness<> h({x}, {GlobalAveragePooling1D()(x)});
    h.sizes({{"batch", 2}, {"time", 2}});
    h.set(0, tensor<float>({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}));
    h.set_mask(0, tensor<std::uint8_t>({{0, 0}, {0, 1}}));
    h.forward();
    CHECK(std::vector<float>(h.y().begin(), h.y().end()) == std::vector<float>{0, 0, 7, 8});
    CHECK_THROWS_AS(GlobalAveragePooling1D()(input({dim::batch(), 3})), ShapeError);
}
