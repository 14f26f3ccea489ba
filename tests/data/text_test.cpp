#include "../catch.hpp"
#include "../io/temporary_folder.hpp"

#include <gradus/data/text.hpp>

#include <filesystem>

using namespace gradus;

namespace {

class TemporaryFile {
public:
    TemporaryFile(const std::string& name, std::string_view content) : path_(folder_ / name) {
        write_bytes(path_, content);
    }
    const std::string& path() const { return path_; }

private:
    TemporaryFolder folder_;
    std::string path_;
};

} // namespace

TEST_CASE("load_text_files reads one class per file, as bytes") {
    const TemporaryFile neg("a.neg", "\xEF\xBB\xBFsilly\r\n\n  \nna\xEFve\xFF film"),
        pos("a.pos", std::string("good\0fun\n", 9));
    const TextData d = load_text_files({neg.path(), pos.path()});
    REQUIRE(d.size() == 3);
    CHECK(d.texts[0] == "silly");
    CHECK(d.texts[1] == "na\xEFve\xFF film");
    CHECK(d.texts[2] == std::string("good\0fun", 8));
    CHECK(d.labels.shape() == Shape{3});
    CHECK(d.labels[1] == 0);
    CHECK(d.labels[2] == 1);
    CHECK(d.class_names == std::vector<std::string>{"a.neg", "a.pos"});
    CHECK(load_text_files({neg.path(), pos.path()}, {.class_names = {"bad", "good"}}).class_names[1] == "good");
}

TEST_CASE("load_text_files refuses bad input and says where") {
    const TemporaryFile some("b.some", "line\n"), blank("b.blank", "\n \r\n"), none("b.none", "");
    CHECK_THROWS_AS(load_text_files({}), ValueError);
    CHECK_THROWS_AS(load_text_files({some.path()}, {.class_names = {"a", "b"}}), ValueError);
    CHECK_THROWS_AS(load_text_files({some.path() + ".missing"}), IoError);
    CHECK_THROWS_WITH(load_text_files({some.path() + ".missing"}),
                      ContainsSubstring("b.some.missing: cannot be opened"));
    CHECK_THROWS_AS(load_text_files({some.path(), blank.path()}), IoError);
    CHECK_THROWS_AS(load_text_files({none.path()}), IoError);
    CHECK_THROWS_AS(load_text_files({std::filesystem::temp_directory_path().string()}), IoError);
    CHECK_THROWS_WITH(load_text_files({some.path()}, {.max_bytes = 4}), ContainsSubstring("at most 4 bytes"));
}

TEST_CASE("load_labelled_lines numbers classes in order") {
    const TemporaryFile f("c.tsv", "pos\tgood\tfilm\r\nneg\tbad\n\npos\t\n");
    const TextData d = load_labelled_lines(f.path());
    CHECK(d.class_names == std::vector<std::string>{"neg", "pos"});
    REQUIRE(d.size() == 3);
    CHECK(d.texts[0] == "good\tfilm");
    CHECK(d.texts[2].empty());
    CHECK(d.labels[0] == 1);
    CHECK(d.labels[1] == 0);
    CHECK(load_labelled_lines(f.path(), {.class_names = {"pos", "neg"}}).labels[0] == 0);

    const TemporaryFile last("c.csv", "so, so,10\nfine,9\ngreat,10");
    const TextData e = load_labelled_lines(last.path(), {.separator = ',', .label = LabelPosition::last});
    CHECK(e.class_names == std::vector<std::string>{"9", "10"});
    CHECK(e.texts[0] == "so, so");
    CHECK(e.labels[0] == 1);
}

TEST_CASE("load_labelled_lines names the line that is wrong") {
    const TemporaryFile f("d.tsv", "a\tx\n\nno separator\n"), g("d2.tsv", "a\tx\n\ty\n"), h("d3.tsv", "\n");
    CHECK_THROWS_WITH(load_labelled_lines(f.path()), ContainsSubstring("d.tsv:3: expects a label and a text"));
    CHECK_THROWS_WITH(load_labelled_lines(g.path()), ContainsSubstring("d2.tsv:2: expects a label, got an empty one"));
    CHECK_THROWS_AS(load_labelled_lines(h.path()), IoError);
    const TemporaryFile k("d4.tsv", "a\tx\nb\ty\n");
    CHECK_THROWS_WITH(load_labelled_lines(k.path(), {.class_names = {"a"}}), ContainsSubstring("d4.tsv:2"));
}
