#include <gradus/losses/mean_squared_error.hpp>

#include "errors.hpp"

using namespace gradus;
using namespace place;

TEST_CASE("mean_squared_error equals Keras", "[losses]") {
    for (const char* name : {"one", "several", "time"})
        check_golden<MeanSquaredError>({}, std::string("mean_squared_error/") + name);
}

TEST_CASE("mean_squared_error has right gradients and keeps the contract", "[losses]") {
    check_gradients(MeanSquaredError());
}

TEST_CASE("mean_squared_error: known values and edges", "[losses]") {
    const Tensor<double> target(Shape{2, 2}, std::vector<double>{1, 2, 3, std::nan("")});
    LossPlace<double> p(MSE<double>(), Tensor<double>(Shape{2, 2}, std::vector<double>{2, 4, 3, 3}),
                        AnyView(target.view()));
    p.forward();
    CHECK(p.loss[0] == 2.5);
    CHECK(std::isnan(p.loss[1]));
    const Tensor<double> weights(Shape{2}, std::vector<double>{2, 0});
    p.backward(weights.view());
    CHECK(p.dp[0] == 2);
    CHECK(p.dp[1] == 4);
    CHECK(p.dp[2] == 0);
    CHECK(p.dp[3] == 0); // a row of no weight
    check_nothing(MeanSquaredError<float>());
    check_refusals<MeanSquaredError<float>>();
}
