#include "catch.hpp"
#include "stub.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace stub;

namespace {

void run(CSVLogger& logger, Index first, std::initializer_list<std::vector<Log>> epochs) {
    Stub model;
    logger.on_train_begin(model);
    for (const auto& logs : epochs) logger.on_epoch_end(model, first++, logs);
}

} // namespace

TEST_CASE("CSVLogger: a header and a row for each epoch") {
    const Folder folder;
    const std::string path = folder / "log.csv";
    CSVLogger log(path);
    run(log, 0, {{{"loss", 0.1}, {"acc", 1}}, {{"loss", std::nan("")}, {"acc", -1e-30}}, {{"loss", 1.0 / 3}}});
    CHECK(content(path) == "epoch,loss,acc\n0,0.1,1\n1,nan,-1e-30\n2,0.3333333333333333,NA\n");
    run(log, 0, {{{"loss", 2}}});
    CHECK(content(path) == "epoch,loss\n0,2\n"); // anew
    CSVLogger more({.filename = path, .append = true});
    run(more, 1, {{{"loss", 3}}});
    CHECK(content(path) == "epoch,loss\n0,2\n1,3\n");
    std::ofstream(path, std::ios::app) << "2,4"; // a row cut short
    run(more, 2, {{{"loss", 5}}, {{"loss", 6}}});
    CHECK(content(path) == "epoch,loss\n0,2\n1,3\n2,4\n2,5\n3,6\n");
    CHECK(message([&] { run(more, 4, {{{"loss", 5}, {"acc", 1}}}); }) ==
          path + ": expects the header \"epoch,loss,acc\", got \"epoch,loss\"");
    CSVLogger tabs({.filename = folder / "new.tsv", .separator = "\t", .append = true});
    run(tabs, 0, {{{"a\tb", 1}, {"say \"x\"", 2}}});
    CHECK(content(folder / "new.tsv") == "epoch\t\"a\tb\"\t\"say \"\"x\"\"\"\n0\t1\t2\n");
}

TEST_CASE("CSVLogger: in fit, and what it refuses") {
    const Folder folder;
    Tensor<float> x(Shape{8, 2}, 1.0f);
    Tensor<std::int32_t> y(Shape{8});
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
    const std::string path = folder / "fit.csv";
    const History h = model.fit(
        x, y, {.epochs = 2, .verbose = Verbose::silent, .callbacks = {CSVLogger(path)}, .validation_split = 0.5});
    const std::string text = content(path);
    CHECK(text.substr(0, text.find('\n')) == "epoch,loss,accuracy,val_loss,val_accuracy");
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    const std::string first = text.substr(text.find('\n') + 3);
    CHECK(std::stod(first) == h["loss"][0]);
    CHECK_THROWS_AS(CSVLogger(""), ValueError);
    CHECK_THROWS_AS(CSVLogger({.filename = "x", .separator = ""}), ValueError);
    const std::string before = model.fingerprint();
    CHECK_THROWS_AS(model.fit(x, y, {.verbose = Verbose::silent, .callbacks = {CSVLogger(folder / "none/x.csv")}}),
                    IoError);
    CHECK(model.fingerprint() == before);
}
