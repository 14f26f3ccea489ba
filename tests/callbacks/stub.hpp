// A model whose only variables are what a test says, and a folder that goes away.
#pragma once
#include "message.hpp"

#include <gradus/models/callback.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace stub {

using namespace gradus;

struct Stub : ModelBase {
    bool stopped = false;
    double rate = 0.1;
    std::vector<Variable> variables() const override { return {}; }
    double learning_rate() const override { return rate; }
    void set_learning_rate(double r) override { rate = r; }
    Index updates() const override { return 0; }
    void stop_training() override { stopped = true; }
};

class Folder {
public:
    Folder() : path_(std::filesystem::temp_directory_path() / ("gradus-callbacks-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(path_);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

inline std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

} // namespace stub
