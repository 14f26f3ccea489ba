/// AveragedScope: averages in place of parameters for a while.
#pragma once
#include <gradus/models/model.hpp>

GRADUS_BEGIN

/// While it lives, the model's parameters are their averages (see EMAOptions), for evaluate, predict and save; training
/// expects the end of the scope. Does nothing where they are already in place. Throws ValueError where the model keeps
/// no averages.
///
///     { const AveragedScope scope(model); std::cout << model.evaluate(x, y).loss(); }
template <class T> class AveragedScope {
public:
    explicit AveragedScope(Model<T>& model) : model_(model.is_averaged() ? nullptr : &model) {
        if (model_) model_->swap_averaged();
    }
    ~AveragedScope() {
        if (model_ && model_->is_averaged()) model_->swap_averaged();
    }
    AveragedScope(const AveragedScope&) = delete;
    AveragedScope& operator=(const AveragedScope&) = delete;

private:
    Model<T>* model_;
};
template <class T> AveragedScope(Model<T>&) -> AveragedScope<T>;

GRADUS_END
