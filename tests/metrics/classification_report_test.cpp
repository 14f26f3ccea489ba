#include <gradus/metrics/classification_report.hpp>

#include "../catch.hpp"

#include <sstream>

using namespace gradus;

TEST_CASE("classification_report prints scikit-learn's tables") {
    std::ostringstream out;
    out << classification_report(tensor({0, 1, 2, 2, 2}), tensor({0, 0, 2, 2, 1}), {"class 0", "class 1", "class 2"});
    CHECK(out.str() == "              precision    recall  f1-score   support\n"
                       "\n"
                       "     class 0       0.50      1.00      0.67         1\n"
                       "     class 1       0.00      0.00      0.00         1\n"
                       "     class 2       1.00      0.67      0.80         3\n"
                       "\n"
                       "    accuracy                           0.60         5\n"
                       "   macro avg       0.50      0.56      0.49         5\n"
                       "weighted avg       0.70      0.60      0.61         5\n");
}

TEST_CASE("classification_report: names, digits, numbers") {
    // 6 of 10 true positives found, 2 of 10 negatives taken for positive.
    std::vector<std::int32_t> y(20), p(20);
    for (std::size_t i = 0; i < 20; ++i) {
        y[i] = i < 10;
        p[i] = i < 6 || i >= 18;
    }
    const ClassificationReport r = classification_report(y, p, {"rather long name", "positive"});
    REQUIRE(r.classes.size() == 2);
    CHECK(r.accuracy == 0.7);
    CHECK(r.classes[1].precision == 0.75);
    CHECK(r.classes[1].recall == 0.6);
    CHECK(std::abs(r.classes[1].f1 - 2.0 / 3) <= 1e-15);
    CHECK(std::abs(r.classes[0].precision - 8.0 / 12) <= 1e-15);
    CHECK(std::abs(r.macro_average.recall - 0.7) <= 1e-15);
    CHECK(std::abs(r.weighted_average.f1 - (2.0 / 3 + 16.0 / 22) / 2) <= 1e-15);
    CHECK(r.weighted_average.support == 20);
    CHECK(r.to_string(4) == "                  precision    recall  f1-score   support\n"
                            "\n"
                            "rather long name     0.6667    0.8000    0.7273        10\n"
                            "        positive     0.7500    0.6000    0.6667        10\n"
                            "\n"
                            "        accuracy                         0.7000        20\n"
                            "       macro avg     0.7083    0.7000    0.6970        20\n"
                            "    weighted avg     0.7083    0.7000    0.6970        20\n");
}

TEST_CASE("classification_report of nothing, and of what does not fit") {
    const auto none = classification_report(Tensor<std::int32_t>(Shape{0}), Tensor<std::int32_t>(Shape{0}), {"a"});
    CHECK(none.accuracy == 0);
    CHECK(none.classes[0].f1 == 0);
    CHECK_THROWS_AS(classification_report(tensor({0, 1}), tensor({0})), ShapeError);
    CHECK_THROWS_AS(classification_report(tensor({0, 3}), tensor({0, 1}), {"a", "b"}), ValueError);
}

TEST_CASE("classification_report: scikit-learn's sample_weight") {
    const auto y = tensor({0, 1, 1, 0, 1}), p = tensor({0, 1, 0, 1, 1});
    const auto r = classification_report(y, p, {}, tensor<double>({1, 2, 0.5, 0, 1}));
    CHECK(r.classes[0].precision == 1 / 1.5);
    CHECK(r.classes[0].recall == 1);
    CHECK(r.classes[1].precision == 1);
    CHECK(r.classes[1].recall == 3 / 3.5);
    CHECK(r.accuracy == 4 / 4.5);
    CHECK(r.to_string() == "              precision    recall  f1-score   support\n"
                           "\n"
                           "           0       0.67      1.00      0.80         1\n"
                           "           1       1.00      0.86      0.92      3.50\n"
                           "\n"
                           "    accuracy                           0.89      4.50\n"
                           "   macro avg       0.83      0.93      0.86      4.50\n"
                           "weighted avg       0.93      0.89      0.90      4.50\n");
}
