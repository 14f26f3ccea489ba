/// A file that a program needs only while it runs.
#pragma once
#include <filesystem>
#include <random>
#include <string>
#include <system_error>

namespace examples {

/// A path in the folder for temporary files, with a name that no other run and no other user has; what lies there goes
/// with this object.
class TemporaryFile {
public:
    TemporaryFile(const std::string& name, const std::string& extension)
        : path_((std::filesystem::temp_directory_path() /
                 (name + "-" + std::to_string(std::random_device()()) + extension))
                    .string()) {}
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

} // namespace examples
