#include <gradus/preprocessing/scalers.hpp>

#include "catch.hpp"

using namespace gradus;

namespace {

template <class T> std::vector<T> flat(const Tensor<T>& t) { return {t.begin(), t.end()}; }

} // namespace

// The examples of scikit-learn's documentation.
TEST_CASE("StandardScaler equals scikit-learn", "[preprocessing]") {
    StandardScaler s;
    const auto x = tensor<float>({{0, 0}, {0, 0}, {1, 1}, {1, 1}});
    CHECK(!s.fitted());
    CHECK(flat(s.fit_transform(x)) == std::vector<float>{-1, -1, -1, -1, 1, 1, 1, 1});
    CHECK(s.fitted());
    CHECK(s.mean() == std::vector<double>{0.5, 0.5});
    CHECK(s.scale() == std::vector<double>{0.5, 0.5});
    CHECK(flat(s.transform(tensor<double>({{2, 2}}))) == std::vector<double>{3, 3});
    CHECK(flat(s.inverse_transform(tensor<double>({{3, -1}}))) == std::vector<double>{2, 0});

    // A constant column is only shifted.
    s.fit(tensor<float>({{0.1f, 1}, {0.1f, 2}, {0.1f, 3}}));
    CHECK(s.scale()[0] == 1);
    CHECK(s.transform(tensor<float>({{0.1f, 2}}))(0, 0) == 0);
    StandardScaler shift({.with_std = false}), scale({.with_mean = false});
    CHECK(flat(shift.fit_transform(x))[7] == 0.5f);
    CHECK(flat(scale.fit_transform(x))[7] == 2);
}

TEST_CASE("MinMaxScaler equals scikit-learn", "[preprocessing]") {
    MinMaxScaler s;
    const auto x = tensor<float>({{-1, 2}, {-0.5f, 6}, {0, 10}, {1, 18}});
    CHECK(flat(s.fit_transform(x)) == std::vector<float>{0, 0, 0.25f, 0.25f, 0.5f, 0.5f, 1, 1});
    CHECK(s.min() == std::vector<double>{-1, 2});
    CHECK(s.max() == std::vector<double>{1, 18});
    CHECK(flat(s.transform(tensor<float>({{2, 2}}))) == std::vector<float>{1.5f, 0});
    CHECK(flat(s.inverse_transform(tensor<float>({{1.5f, 0}}))) == std::vector<float>{2, 2});
    MinMaxScaler wide({.low = -1, .high = 3, .clip = true});
    CHECK(flat(wide.fit_transform(x)) == std::vector<float>{-1, -1, 0, 0, 1, 1, 3, 3});
    CHECK(flat(wide.transform(tensor<float>({{5, -100}}))) == std::vector<float>{3, -1});
    CHECK(flat(wide.inverse_transform(tensor<float>({{1, 1}}))) == std::vector<float>{0, 10});
    s.fit(tensor<std::int32_t>({{7, 0}, {7, 4}}));
    CHECK(flat(s.transform(tensor<float>({{7, 1}, {8, 4}}))) == std::vector<float>{0, 0.25f, 1, 1});
}

TEST_CASE("Scalers of any shape", "[preprocessing]") {
    StandardScaler s;
    const Tensor<float> column(Shape{4}, std::vector<float>{1, 2, 3, 4});
    CHECK(s.fit_transform(column).shape() == Shape{4});
    CHECK(s.mean() == std::vector<double>{2.5});
    Tensor<double> series(Shape{3, 5, 2});
    for (Index i = 0; i < series.size(); ++i) series[i] = static_cast<double>(i % 7) * (i % 2 ? 100 : 1);
    const auto z = s.fit_transform(series);
    CHECK(z.shape() == series.shape());
    const auto back = s.inverse_transform(z);
    double sum = 0;
    for (Index i = 0; i < z.size(); ++i) {
        sum += z[i];
        CHECK(std::abs(back[i] - series[i]) < 1e-12);
    }
    CHECK(std::abs(sum) < 1e-12);
    CHECK(s.transform(Tensor<float>(Shape{0, 2})).shape() == Shape{0, 2});
}

TEST_CASE("Scalers refuse bad input", "[preprocessing]") {
    StandardScaler s;
    MinMaxScaler m;
    CHECK_THROWS_WITH(s.transform(Tensor<float>(Shape{1, 2})), "standard_scaler: expects fit first");
    CHECK_THROWS_AS(m.inverse_transform(Tensor<float>(Shape{1, 2})), ValueError);
    for (const Shape& bad : {Shape{}, Shape{0, 2}, Shape{2, 0}, Shape{0}}) {
        CHECK_THROWS_AS(s.fit(Tensor<float>(bad)), ShapeError);
        CHECK_THROWS_AS(m.fit(Tensor<float>(bad)), ShapeError);
    }
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(s.fit(tensor<double>({{1, 2}, {3, nan}})),
                      "standard_scaler: expects finite numbers, got nan in row 1, column 1");
    CHECK_THROWS_AS(m.fit(tensor<double>({{1, inf}})), ValueError);
    CHECK_THROWS_AS(s.fit(tensor<double>({{1.7e308}, {-1.7e308}})), ValueError);
    CHECK_THROWS_AS(m.fit(tensor<double>({{1.7e308}, {-1.7e308}})), ValueError);
    CHECK(!s.fitted());
    s.fit(Tensor<float>(Shape{2, 3}));
    CHECK_THROWS_WITH(s.transform(Tensor<float>(Shape{4, 2})), "standard_scaler: expects 3 columns, got [4, 2]");
    CHECK_THROWS_AS(s.transform(Tensor<float>(Shape{3})), ShapeError);
    CHECK_THROWS_AS(s.transform(Tensor<float>(Shape{})), ShapeError);
    for (const MinMaxScalerOptions& bad :
         {MinMaxScalerOptions{.low = 1, .high = 1}, MinMaxScalerOptions{.low = 2, .high = 1},
          MinMaxScalerOptions{.low = nan}, MinMaxScalerOptions{.high = inf}})
        CHECK_THROWS_AS(MinMaxScaler(bad), ValueError);
    // What comes later may be NaN; it stays.
    CHECK(std::isnan(s.transform(Tensor<float>(Shape{1, 3}, std::numeric_limits<float>::quiet_NaN()))[0]));
}
