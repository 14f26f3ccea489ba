#include <gradus/losses/mean_absolute_error.hpp>

#include "errors.hpp"

using namespace gradus;
using namespace place;

TEST_CASE("mean_absolute_error equals Keras", "[losses]") {
    for (const char* name : {"one", "several", "time"})
        check_golden<MeanAbsoluteError>({}, std::string("mean_absolute_error/") + name);
}

TEST_CASE("mean_absolute_error has right gradients and keeps the contract", "[losses]") {
    check_gradients(MeanAbsoluteError());
}

TEST_CASE("mean_absolute_error: known values and edges", "[losses]") {
    const Tensor<double> target(Shape{1, 4}, std::vector<double>{1, 2, 3, 4});
    LossPlace<double> p(MAE<double>(), Tensor<double>(Shape{1, 4}, std::vector<double>{1, 4, 2, 4.5}),
                        AnyView(target.view()));
    p.forward();
    p.backward();
    CHECK(p.loss[0] == 0.875);
    CHECK(p.dp[0] == 0);
    CHECK(p.dp[1] == 0.25);
    CHECK(p.dp[2] == -0.25);
    CHECK(p.dp[3] == 0.25);
    check_nothing(MeanAbsoluteError<float>());
    check_refusals<MeanAbsoluteError<float>>();
}
