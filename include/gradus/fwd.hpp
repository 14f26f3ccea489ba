/// Forward declarations with their default arguments, for users' own headers. fwd.hpp owns the defaults of what it
/// declares.
#pragma once
#include <gradus/core/config.hpp>

GRADUS_BEGIN

template <class T> class View;
template <class T = float> class Tensor;
class Node;
template <class T = float> class Model;
template <class T = float> class Sequential;
template <class T = float> class Predictor;

GRADUS_END
