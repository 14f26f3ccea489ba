/// The exceptions of the library. Thrown out of line, so that checks cost little where they stand.
#pragma once
#include <gradus/core/config.hpp>

#include <stdexcept>
#include <string>

GRADUS_BEGIN

/// Base of everything the library throws on purpose.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A shape, rank or element type that does not fit.
class ShapeError : public Error {
public:
    using Error::Error;
};

/// A value outside its range: an option, a label, a token id, NaN in the data.
class ValueError : public Error {
public:
    using Error::Error;
};

/// A file that is missing, malformed, cut short or of another version.
class IoError : public Error {
public:
    using Error::Error;
};

[[noreturn]] GRADUS_COLD inline void throw_shape_error(const std::string& what) { throw ShapeError(what); }
[[noreturn]] GRADUS_COLD inline void throw_value_error(const std::string& what) { throw ValueError(what); }
[[noreturn]] GRADUS_COLD inline void throw_io_error(const std::string& what) { throw IoError(what); }

GRADUS_END
