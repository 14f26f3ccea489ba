// Damaged model files: each is refused with an IoError or loads whole, never anything else.
#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include <cstring>

using namespace gradus;

namespace {

const std::vector<std::string> texts{"a b c", "b"};

/// A small model with a bit of everything.
Sequential<float> make_model() {
    TextVectorization vectorize;
    vectorize.adapt(texts);
    Tensor<float> table({5, 2}, 0.5f);
    Sequential model{vectorize, Embedding({.input_dim = 5, .output_dim = 2, .mask_zero = true, .weights = table}),
                     Bidirectional(LSTM({.units = 1, .dropout = 0.1})), Dropout(0.1), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .metrics = {AUC(), Accuracy()}});
    model.train_on_batch(texts, Tensor<float>({2, 1}));
    return model;
}

std::string load_error(const std::string& path) {
    try {
        (void)load(path);
    } catch (const IoError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring(path));
        return e.what();
    }
    return "accepted";
}

/// Every value of a document but the root.
void collect(Json& j, std::vector<Json*>& out) {
    if (auto* list = std::get_if<Json::List>(&j.value))
        for (Json& v : *list) out.push_back(&v), collect(v, out);
    if (auto* object = std::get_if<Json::Object>(&j.value))
        for (auto& [name, v] : *object) out.push_back(&v), collect(v, out);
}

} // namespace

TEST_CASE("truncated and flipped files are refused or load whole") {
    const TemporaryFolder folder;
    const std::string good = folder / "good", bad = folder / "bad";
    const auto model = make_model();
    save(model, good);
    const std::string bytes = read_bytes(good);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    for (std::size_t n = 0; n < bytes.size(); n += n < 64 ? 1 : 97) {
        write_bytes(bad, std::string_view(bytes).substr(0, n));
        CHECK(load_error(bad) != "accepted");
    }
    const Random random(7, 0, Purpose::sample);
    int accepted = 0;
    for (Index i = 0; i < 1500; ++i) {
        std::string changed = bytes;
        const auto at = static_cast<std::size_t>(random.below(0, i, static_cast<Index>(header) + 8));
        const auto kind = random.below(1, i, 3);
        if (kind == 0)
            changed[at] = static_cast<char>(changed[at] ^ (1 << random.below(2, i, 8)));
        else if (kind == 1)
            changed[at] = "0123456789[]{}\",:-en"[random.below(2, i, 20)];
        else
            std::swap(changed[at],
                      changed[static_cast<std::size_t>(random.below(2, i, static_cast<Index>(header) + 8))]);
        write_bytes(bad, changed);
        accepted += load_error(bad) == "accepted";
    }
    CHECK(accepted < 1500);
    // A change of any tensor is noticed, that of a moment, too.
    for (std::size_t at = 8 + header; at < bytes.size(); at += at % 3 + 1) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        write_bytes(bad, changed);
        CHECK(load_error(bad) != "accepted");
    }
    // Files without a checksum still load.
    std::string older = bytes;
    older.replace(older.find("\"checksum\""), 10, "\"checksun\"");
    write_bytes(bad, older);
    CHECK(load_error(bad) == "accepted");
}

TEST_CASE("documents with one odd value are refused or load whole") {
    const TemporaryFolder folder;
    const std::string good = folder / "good", bad = folder / "bad";
    save(make_model(), good);
    const auto file = SafetensorsFile::read(good);
    std::vector<NamedView> views;
    for (const TensorEntry& e : file.entries())
        views.emplace_back(e.name, AnyView(const_cast<std::byte*>(file.bytes(e).data()), e.shape, *e.dtype));
    const Json odd[] = {Json(),
                        -1,
                        0,
                        1,
                        3,
                        Index{1} << 31,
                        Index{1000000000000000000},
                        std::numeric_limits<Index>::max(),
                        0.5,
                        -1e300,
                        true,
                        "",
                        "x",
                        "dense",
                        "lstm",
                        Json::List{},
                        Json::List{-1},
                        Json::List{"x", 1},
                        Json::object()};
    int refused = 0, accepted = 0;
    for (const char* key : {"architecture", "preprocessing", "compile", "optimizer_state"}) {
        const Json document = Json::parse(file.metadata().at(key), 10000);
        Json count = document;
        std::vector<Json*> places;
        collect(count, places);
        for (std::size_t i = 0; i < places.size(); ++i)
            for (const Json& value : odd) {
                Json changed = document;
                std::vector<Json*> at;
                collect(changed, at);
                *at[i] = value;
                SafetensorsMetadata m = file.metadata();
                m[key] = changed.print();
                write_safetensors(bad, views, m);
                INFO(m[key]);
                try {
                    const auto loaded = load(bad);
                    ++accepted;
                    // A length beyond memory is found where texts are turned into ids.
                    if (loaded.preprocessor()->output_length() < 100) (void)loaded.predict(texts);
                } catch (const Error&) { ++refused; }
            }
    }
    CHECK(refused > accepted);
}
