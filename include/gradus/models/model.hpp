/// Model: a graph of layers with parameters; compile, fit, evaluate, predict, and the public steps that fit is made of.
#pragma once
#include <gradus/fwd.hpp>
#include <gradus/kernels/reduce.hpp>
#include <gradus/models/binding.hpp>
#include <gradus/models/compiled.hpp>
#include <gradus/preprocessing/preprocessor.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

GRADUS_BEGIN

/// Predictions of a model with several outputs, and the state of a run, are by output in the order of the constructor.
///
/// fit, evaluate and predict look at all values before anything changes; the public steps, forward, loss and
/// train_on_batch, look for ids and targets out of range, not for NaN and infinity.
///
/// A model is move-only; clone() copies it. One that was moved from throws ValueError until another is assigned to it.
/// Layers that already belong to another model share their parameters with it. `predict` is const and may be called
/// from several threads (one at a time runs; a Predictor for each runs at once).
template <class T> class Model : public ModelBase {
public:
    using scalar = T;

    /// A model from recorded nodes: inputs made with `input`, outputs computed from them.
    Model(const std::vector<Node>& inputs, const std::vector<Node>& outputs) { set_graph(inputs, outputs); }
    Model(Model&&) = default;
    Model& operator=(Model&&) = default;
    ~Model() override = default;

    /// Chooses optimizer, losses and metrics. Moments and the count of updates start anew; parameters stay.
    void compile(const CompileOptions<T>& options);
    /// Trains on rows of x and y. Throws before anything changes where data do not fit; see FitOptions.
    History fit(const Columns& x, const Columns& y, const FitOptions& options = {});
    History fit(const Dataset& data, const FitOptions& options = {}, const Dataset* validation = nullptr);
    /// Loss and metrics over all rows, exact whatever the batch size.
    Results evaluate(const Columns& x, const Columns& y, const EvaluateOptions& options = {});
    /// Output 0 for all rows.
    Tensor<T> predict(const Columns& x, const PredictOptions& options = {}) const {
        return std::move(predict_all(x, options)[0]);
    }
    std::vector<Tensor<T>> predict_all(const Columns& x, const PredictOptions& options = {}) const;

    /// One forward, loss, backward, step; returns loss and metrics of this batch. After the first call with shapes of a
    /// size it allocates nothing.
    Results train_on_batch(const Columns& x, const Columns& y, const Columns& sample_weight = {});

    /// Runs the graph on a batch, keeping what backward needs.
    void forward(const Columns& x, bool training = true);
    /// Output i of the last forward.
    View<const T> output(int i = 0) const;
    /// Mean loss of the last forward's outputs, with the penalties of trained parameters; seeds the outputs' gradients
    /// for backward(). ValueError after a backward without a new forward.
    double loss(const Columns& y, const Columns& sample_weight = {});
    /// Gradients of the loss, added to the parameters' gradients. Uses up forward and loss: ValueError without a new
    /// forward and loss before each.
    void backward();
    /// Gradients for a given gradient of the outputs (one view for each output; empty: zero), once for each forward.
    void backward(const std::vector<View<const T>>& dy);
    void backward(View<const T> dy) { backward(std::vector<View<const T>>{dy}); }
    /// The gradient of input i after backward, where it was asked for with `want_input_gradients`.
    View<const T> input_gradient(int i = 0) const;
    /// Asks for gradients of the inputs; the next forward plans anew. Gradients that no update took are dropped.
    void want_input_gradients(bool wanted = true);
    /// Updates the parameters from the gradients of all backwards since the last update: regularises, clips, updates,
    /// limits norms, averages, zeroes. Where batches accumulate, fit and train_on_batch call it once a group.
    /// ValueError without a backward since the last update.
    void step();

    /// Leaves layers, scopes or parameters of this name as they are, at once: they have no gradients, and a layer with
    /// running statistics uses them. What stays trained keeps its moments; gradients of batches that no update took are
    /// dropped. Holds beside compile's `.frozen`, for every compile that follows, and is saved. Throws ValueError on a
    /// name that covers nothing; before values are known, compile or fit does.
    void freeze(const std::string& name);
    /// Trains them again, what compile's `.frozen` named, too; moments start from zero. Throws ValueError where a
    /// layer's own option says that it is not trained.
    void unfreeze(const std::string& name);
    /// Names that cover what freeze has frozen.
    const std::vector<std::string>& frozen() const { return frozen_; }
    /// Parameters and their averages (see EMAOptions) change places; the next call changes them back. Training expects
    /// the parameters in place. AveragedScope does both.
    void swap_averaged();
    bool is_averaged() const { return compiled_ && compiled_->averaged; }

    /// Joins a value per sample or step, computed from the model's nodes, to the loss (before compile).
    void add_loss(const Node& node, double weight = 1) {
        if (!node) throw_value_error("add_loss: expects a node, got an empty one");
        extra_losses_.push_back({node, weight});
    }

    /// A view of a parameter or state variable by the name that summary and files show. Throws ValueError on an unknown
    /// one.
    View<T> parameter(std::string_view name);
    /// The gradient of a dense trained parameter as backward left it: without penalties, and, where batches accumulate,
    /// not yet divided by the group's weight. The first to ask after a step makes it zero.
    View<const T> gradient(std::string_view name) const;
    std::vector<Variable> variables() const override;
    /// Number of elements of all trained parameters.
    Index count_parameters() const;
    /// A hash of every parameter and state variable: equal for equal bits. 16 hexadecimal digits.
    std::string fingerprint() const;
    /// A table of layers, output shapes and parameters.
    std::string summary() const;
    /// Stateful layers forget.
    void reset_states();
    /// A model with the same architecture and values and parameters of its own.
    Model clone() const;

    double learning_rate() const override {
        return (pending_ ? pending_->optimizer : compiled("learning_rate").optimizer)->learning_rate(updates());
    }
    void set_learning_rate(double rate) override {
        (pending_ ? pending_->optimizer : compiled("set_learning_rate").optimizer)->set_learning_rate(rate);
    }
    Index updates() const override { return compiled_ ? compiled_->updates : 0; }
    void stop_training() override { stop_ = true; }
    bool is_built() const { return graph_ != nullptr; }
    bool is_compiled() const { return compiled_ != nullptr; }
    /// Gives parameters without memory their initial values; does nothing where all have theirs.
    void initialize(std::uint64_t seed) const;
    /// Instead of initialize, for values that come from a file: they start at zero, and `admit` may refuse a parameter
    /// before memory is taken.
    void allocate(const ParameterTable::Admit& admit) { table_ = std::make_shared<ParameterTable>(*graph(), 0, admit); }

    const std::shared_ptr<const Graph>& graph() const;
    const std::shared_ptr<ParameterTable>& table() const;
    const std::vector<std::string>& output_names() const { return output_names_; }
    const std::shared_ptr<Preprocessor>& preprocessor() const { return preprocessor_; }
    void set_preprocessor(std::shared_ptr<Preprocessor> p) { preprocessor_ = std::move(p); }
    /// What compile was given; null before.
    const CompileOptions<T>* compile_options() const {
        return pending_ ? pending_.get() : compiled_ ? &compiled_->options() : nullptr;
    }
    const std::vector<typename detail::Compiled<T>::Extra>& added_losses() const { return extra_losses_; }
    const detail::Compiled<T>* compiled() const { return compiled_.get(); }
    detail::Compiled<T>* compiled() { return compiled_.get(); }

protected:
    Model() = default;
    void set_graph(const std::vector<Node>& inputs, const std::vector<Node>& outputs);
    /// Called with the first data: a Sequential without Input makes its graph.
    virtual void build_for(const Columns&) {}
    void compile_now();

private:
    /// A model that was moved from has nothing left, not even its locks.
    void require_content() const {
        if (!mutex_) throw_value_error("model: was moved from; assign a model to it before it is used");
    }
    detail::Compiled<T>& compiled(const char* verb) const {
        require_content();
        if (!compiled_) throw_value_error("model: " + std::string(verb) + " expects compile first");
        return *compiled_;
    }
    /// Runs f, which may build and compile the model with its first data; where it throws, the model is not built after
    /// all.
    template <class F> void building(const F& f);
    void unbuild();
    void require_compile(const char* verb) const {
        require_content();
        if (!pending_) compiled(verb);
    }
    /// Writes a batch into the training workspace; `check_targets` says whether targets and weights fit it.
    void load_inputs(const Columns& x, std::string_view verb);
    void check_targets(const Columns& y, const Columns& sample_weight, const Extents& extents,
                       std::string_view verb) const;
    void check_target_count(std::size_t found, std::string_view verb) const;
    void check_target(const detail::CompiledLoss<T>& l, const Shape& found, const Extents& extents,
                      std::string_view verb) const;
    static std::string target_name(const detail::CompiledLoss<T>& l, std::string_view verb);
    void run_forward(bool training);
    double run_loss(const Columns& y, const Columns& sample_weight);
    Columns prepared(const Columns& x, Tensor<std::int32_t>& tokens) const;
    void check(const Columns& columns, bool targets, bool allow_nan, std::string_view verb) const;
    void check_sample_weight(const Columns& w, bool allow_nan, std::string_view verb) const;
    void check_rows(const Columns& x, const Columns& y, const Columns& w, std::string_view verb) const;
    Workspace<T>& training_workspace();
    Workspace<T>& inference_workspace(bool with_losses) const;
    Pass pass(bool training) const;
    double run_losses(Workspace<T>& workspace, View<const T> weights, bool seed);
    TensorDataset checked(const Columns& x, const Columns& y, const Columns& w, bool allow_nan,
                          std::string_view verb) const;
    static void check_fit_options(const FitOptions& o);
    void reset_metrics(Index rows);
    void update_metrics(Workspace<T>& workspace, View<const T> weights);
    void check_metrics(const Columns& y, const Columns& weights) const;
    std::span<const Log> logs(bool exact, bool validation);
    void check_dataset(const Dataset& data, std::string_view verb) const;
    void try_metrics(const Extents& extents) const;
    void check_class_weight(const FitOptions& o, bool has_weights) const;
    void bind_batch(const Dataset& data, std::span<const Index> rows);
    View<const T> load_batch(Workspace<T>& workspace, const Dataset& data, std::span<const Index> rows);
    View<const T> weigh_classes(Workspace<T>& workspace, const std::map<Index, double>& classes);
    void run_rows(const Dataset& data, std::span<const Index> order, Index batch_size, const FitOptions* o,
                  ProgressBar& bar);
    std::vector<bool> frozen_flags() const;
    void set_frozen(std::vector<std::string> model, std::vector<std::string> compiled);
    History fit_rows(const Dataset& data, std::vector<Index> training, const Dataset& validation_data,
                     const std::vector<Index>& validation, const FitOptions& options);

    std::shared_ptr<const Graph> graph_;
    mutable std::shared_ptr<ParameterTable> table_;
    std::vector<std::string> output_names_, frozen_;
    std::shared_ptr<Preprocessor> preprocessor_;
    std::unique_ptr<CompileOptions<T>> pending_;
    std::vector<typename detail::Compiled<T>::Extra> extra_losses_;
    std::unique_ptr<detail::Compiled<T>> compiled_;
    mutable std::unique_ptr<GradientLayout> no_gradients_;
    mutable std::unique_ptr<Workspace<T>> plain_; ///< inference before compile
    std::unique_ptr<Workspace<T>> uncompiled_training_;
    std::unique_ptr<GradientLayout> uncompiled_layout_;
    mutable std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>(); ///< of the workspace that predict uses
    mutable std::unique_ptr<std::mutex> table_mutex_ = std::make_unique<std::mutex>(); ///< of the table's creation
    bool stop_ = false, input_gradients_ = false, step_training_ = false, check_batches_ = false,
         batches_may_be_nan_ = false;
    std::uint64_t seed_ = 0;
    std::vector<Log> logs_;
    std::vector<AnyView> batch_inputs_, batch_targets_;
    Extents scratch_extents_;
    Tensor<T> weights_;
    /// How far a step of one's own has come: a backward uses up what forward and loss left for it.
    enum class Phase { none, forwarded, seeded, used } phase_ = Phase::none;
};

GRADUS_END

#include <gradus/models/model_build.hpp>
#include <gradus/models/model_data.hpp>
#include <gradus/models/model_fit.hpp>
#include <gradus/models/model_freeze.hpp>
#include <gradus/models/model_predict.hpp>
#include <gradus/models/model_steps.hpp>
