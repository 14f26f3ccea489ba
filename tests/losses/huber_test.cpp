#include <gradus/losses/huber.hpp>

#include "errors.hpp"

using namespace gradus;
using namespace place;

TEST_CASE("huber equals Keras", "[losses]") {
    for (const char* name : {"one", "several", "time"}) check_golden<Huber>(Huber(), std::string("huber/") + name);
    check_golden<Huber>(Huber({.delta = 0.5}), "huber/half");
}

TEST_CASE("huber has right gradients and keeps the contract", "[losses]") {
    check_gradients(Huber());
    check_gradients(Huber(0.25));
}

TEST_CASE("huber: known values and edges", "[losses]") {
    const Tensor<double> target(Shape{4, 1}, std::vector<double>{0, 0, 0, 0});
    LossPlace<double> p(Huber<double>(2), Tensor<double>(Shape{4, 1}, std::vector<double>{1, -2, 5, -1e200}),
                        AnyView(target.view()));
    p.forward();
    p.backward();
    CHECK(p.loss[0] == 0.5);
    CHECK(p.loss[1] == 2);
    CHECK(p.loss[2] == 8);
    CHECK(p.loss[3] == 2e200);
    CHECK(p.dp[0] == 1);
    CHECK(p.dp[1] == -2);
    CHECK(p.dp[2] == 2);
    CHECK(p.dp[3] == -2);
    check_nothing(Huber<float>());
    check_refusals<Huber<float>>();
    for (double delta : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
        CHECK_THROWS_AS(LossPlace<double>(Huber<double>(delta), Tensor<double>(Shape{4, 1}), AnyView(target.view())),
                        ValueError);
}

TEST_CASE("huber keeps its delta through conversion", "[losses]") {
    const Huber<double> wide = Huber(0.5);
    const Tensor<double> target(Shape{1, 1}, 0.0);
    LossPlace<double> p(wide, Tensor<double>(Shape{1, 1}, 2.0), AnyView(target.view()));
    p.forward();
    CHECK(p.loss[0] == 0.875);
}

TEST_CASE("huber: empty braces are no delta of 0") {
    CHECK_FALSE([]<class L>(std::type_identity<L>) { return requires { L({}); }; }(std::type_identity<Huber<>>{}));
}
