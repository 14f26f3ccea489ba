/// classification_report: precision, recall and F1 of each class and their averages, as a table.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/metrics/confusion_matrix.hpp>

#include <cstdio>

GRADUS_BEGIN

/// What classification_report gives: numbers to read, and the table that prints.
struct ClassificationReport {
    struct Row {
        std::string name;
        double precision = 0, recall = 0, f1 = 0;
        double support = 0; ///< number of rows, or their weight
    };
    std::vector<Row> classes;
    double accuracy = 0;
    Row macro_average, weighted_average;

    std::string to_string(int digits = 2) const {
        digits = std::clamp(digits, 0, 17);
        std::size_t width = std::max(std::string("weighted avg").size(), static_cast<std::size_t>(digits));
        for (const Row& r : classes) width = std::max(width, detail::width_of(r.name));
        const auto cell = [](const std::string& text) { return " " + detail::right_aligned(text, 9); };
        const auto number = [&](double x) {
            char text[32];
            std::snprintf(text, sizeof text, "%.*f", digits, x);
            return cell(text);
        };
        const auto line = [&](const Row& r) {
            return detail::right_aligned(r.name, width) + " " + number(r.precision) + number(r.recall) + number(r.f1) +
                   cell(detail::count_text(r.support)) + "\n";
        };
        std::string s = std::string(width + 1, ' ') + cell("precision") + cell("recall") + cell("f1-score") +
                        cell("support") + "\n\n";
        for (const Row& r : classes) s += line(r);
        s += "\n" + detail::right_aligned("accuracy", width) + " " + cell("") + cell("") + number(accuracy) +
             cell(detail::count_text(macro_average.support)) + "\n";
        return s + line(macro_average) + line(weighted_average);
    }
    friend std::ostream& operator<<(std::ostream& out, const ClassificationReport& r) { return out << r.to_string(); }
};

/// The report of a confusion matrix. A share of nothing is 0: the precision of a class that was never predicted, the
/// recall of one that does not occur.
inline ClassificationReport classification_report(const ConfusionMatrix& m) {
    const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
    ClassificationReport report;
    report.accuracy = m.accuracy();
    auto &macro = report.macro_average, &weighted = report.weighted_average;
    macro.name = "macro avg";
    weighted.name = "weighted avg";
    macro.support = weighted.support = m.rows();
    for (Index c = 0; c < m.classes(); ++c) {
        const double right = m(c, c), support = m.support(c), predicted = m.predicted(c);
        report.classes.push_back({m.name(c), share(right, predicted), share(right, support),
                                  share(2 * right, support + predicted), support});
    }
    const auto average = [&](double ClassificationReport::Row::* value) {
        double sum = 0, by_support = 0;
        for (const auto& r : report.classes) {
            sum += r.*value;
            by_support += rounded(r.*value * r.support);
        }
        macro.*value = report.classes.empty() ? 0 : sum / static_cast<double>(report.classes.size());
        weighted.*value = m.rows() > 0 ? by_support / m.rows() : 0;
    };
    for (auto value :
         {&ClassificationReport::Row::precision, &ClassificationReport::Row::recall, &ClassificationReport::Row::f1})
        average(value);
    return report;
}

/// Precision, recall, F1 and number of rows of each class; accuracy; their mean over classes, and weighted by the rows.
///
///     std::cout << classification_report(y_test, model.predict(x_test), {"negative", "positive"});
///
/// Arguments and errors are ConfusionMatrix's. Prints the table of scikit-learn's classification_report. Without names,
/// every number up to the largest is a class, also one that does not occur; scikit-learn leaves that out.
inline ClassificationReport classification_report(const ClassColumn& y_true, const ClassColumn& y_pred,
                                                  std::vector<std::string> names = {},
                                                  const ClassColumn& weights = AnyView()) {
    return classification_report(ConfusionMatrix(y_true, y_pred, std::move(names), weights));
}

GRADUS_END
