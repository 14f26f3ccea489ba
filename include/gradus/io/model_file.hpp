/// save and load: a whole model in one safetensors file.
///
/// Tensors: the variables by name; the optimizer's moments as "optimizer/0/<parameter>", after them averages where
/// there are any; constants of layers as "constant/0". Metadata: format "gradus", format_version, gradus_version,
/// scalar, fingerprint (of the variables), checksum (of all tensors), and as JSON: architecture, preprocessing, frozen,
/// compile, optimizer_state.
#pragma once
#include <gradus/io/architecture.hpp>
#include <gradus/io/detail/model_metadata.hpp>
#include <gradus/io/weights.hpp>
#include <gradus/kernels/bfloat16.hpp>
#include <gradus/models/model.hpp>

#include <bit>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

GRADUS_BEGIN

struct SaveOptions {
    bool include_optimizer = true; ///< also what training on needs: moments, averages and the count of updates
};

namespace detail {

template <class D>
Json describe_plain(const D& object, FieldEncoder& encoder, const std::string& context, const std::string& path) {
    Json j = Json::object();
    j.add("kind", object.kind());
    j.add("fields", encoder.encode(FieldWriter::write(object), context, path));
    return j;
}

inline Json encode_texts(const std::vector<std::string>& texts) {
    Json::List list;
    for (const std::string& t : texts) list.push_back(text_to_json(t));
    return list;
}

template <class T> Json encode_compile(const Model<T>& model, FieldEncoder& encoder) {
    const CompileOptions<T>& o = *model.compile_options();
    Json j = Json::object();
    // The compiled optimizer knows the learning rate as it is now.
    const OptimizerHandle<T>& optimizer = model.compiled() ? model.compiled()->optimizer : o.optimizer;
    if (!optimizer) throw_value_error("compile: has no optimizer");
    j.add("optimizer", describe_plain(*optimizer, encoder, "optimizer", "compile/optimizer"));
    Json::List losses, weights, metrics;
    for (const auto& [output, loss] : o.loss.list()) {
        const std::string path = "compile/loss/" + std::to_string(losses.size());
        FieldMap fields = FieldWriter::write(*loss);
        encoder.enroll(*loss, fields, path);
        Json one = Json::object();
        one.add("output", text_to_json(output));
        encoder.describe(one, *loss, std::move(fields), "loss " + std::string(loss->kind()), path);
        losses.push_back(std::move(one));
    }
    for (const double w : o.loss_weights) weights.push_back(number_to_json(w));
    for (const auto& [output, metric] : o.metrics.list()) {
        const std::string path = "compile/metric/" + std::to_string(metrics.size());
        Json one = describe_plain(*metric, encoder, "metric " + std::string(metric->kind()), path);
        one.add("output", text_to_json(output));
        metrics.push_back(std::move(one));
    }
    j.add("losses", std::move(losses));
    j.add("loss_weights", std::move(weights));
    j.add("metrics", std::move(metrics));
    j.add("seed", std::bit_cast<Index>(o.seed)); // two's complement
    j.add("frozen", encode_texts(o.frozen));
    Json::List groups;
    for (const ParameterGroup& g : o.groups)
        groups.push_back(Json::List{text_to_json(g.name), number_to_json(g.rate_scale)});
    if (!groups.empty()) j.add("groups", std::move(groups));
    const auto numbers = [&](const char* name, std::initializer_list<double> values) {
        Json::List list;
        for (const double v : values) list.push_back(number_to_json(v));
        if (std::any_of(values.begin(), values.end(), [](double v) { return v != 0; })) j.add(name, std::move(list));
    };
    numbers("clip", {o.clip.value, o.clip.norm, o.clip.global_norm});
    if (o.accumulate > 1) j.add("accumulate", o.accumulate);
    if (o.precision.format()) j.add("precision", text_to_json(std::string(o.precision.name())));
    if (o.ema.momentum > 0) numbers("ema", {o.ema.momentum, o.ema.overwrite ? 1.0 : 0.0});
    return j;
}

inline std::string moment_name(Index moment, const std::string& parameter) {
    return "optimizer/" + std::to_string(moment) + "/" + parameter;
}

/// Calls f(name, values) for what only losses need: it is no part of the model, but of its training.
template <class T, class F> void each_added(const Model<T>& model, const F& f) {
    const auto& all = model.compiled()->table.list();
    for (std::size_t i = model.table()->list().size(); i < all.size(); ++i) f(all[i].name, all[i].view());
}

/// Calls f(name, values) for each moment and average of each trained parameter.
template <class T, class F> void each_moment(const Compiled<T>& c, const F& f) {
    for (std::size_t i = 0; i < c.moment_pointers.size(); ++i)
        for (const Segment& s : c.layout.segments)
            if (s.slot >= 0)
                f(moment_name(static_cast<Index>(i), s.name), View<T>(c.moment_pointers[i] + s.slot, s.shape));
}

/// Parts of a model file, read one after the other into a model that nobody else has seen.
template <class T> class ModelLoader {
public:
    ModelLoader(const std::string& path, const LoadOptions<T>& options)
        : path_(path), file_(SafetensorsFile::read(path)), options_(options), decoder_(&file_) {
        if (!is_model_file(file_))
            throw_io_error(path +
                           ": is no model saved by Gradus; load_weights reads the tensors of other safetensors files");
        check_model_version(file_, path);
    }

    Model<T> load() {
        const Json architecture = document("architecture", true);
        GraphLoader<T> graphs(architecture, decoder_, options_);
        const LoadedGraph g = graphs.load();
        Model<T> model(g.inputs, g.outputs);
        check_order(*model.graph(), g);
        for (const auto& [node, weight] : g.added) model.add_loss(node, weight);
        if (find("preprocessing")) load_preprocessing(model, graphs.maker());
        load_values(model);
        if (find("compile") && options_.compile)
            load_compile(model, graphs.maker());
        else
            freeze(model);
        check_model_sum(file_, path_); // last: what says more comes first
        return model;
    }

private:
    static constexpr std::size_t document_limit = 16 << 20, preprocessing_limit = 100 << 20;

    const std::string* find(const char* key) const { return find_metadata(file_, key); }
    Json document(const char* key, bool bounded) const {
        const std::string* text = find(key);
        if (!text) throw_value_error(std::string("metadata expects \"") + key + "\"");
        if (text->size() > (bounded ? document_limit : preprocessing_limit))
            throw_value_error(std::string(key) + " is too long");
        try {
            return Json::parse(*text, bounded ? 1000000 : 4000000);
        } catch (const Error& e) { throw_value_error(std::string(key) + ": " + e.what()); }
    }
    static const Json& member(const Json& j, const char* name, const std::string& where) {
        const Json* m = j.find(name);
        if (!m) throw_value_error(where + ": expects \"" + name + "\"");
        return *m;
    }
    static const Json::List& list(const Json& j, const char* name, const std::string& where) {
        const auto* l = member(j, name, where).get<Json::List>();
        if (!l) throw_value_error(where + ": " + name + " expects a list");
        return *l;
    }
    static std::vector<std::string> texts(const Json& j, const std::string& where) {
        const auto* l = j.get<Json::List>();
        std::vector<std::string> result;
        for (std::size_t i = 0; l && i < l->size(); ++i)
            if (const auto* text = (*l)[i].template get<std::string>()) result.push_back(*text);
        if (!l || result.size() != l->size()) throw_value_error(where + " expects a list of texts");
        return result;
    }
    static Index integer(const Json& j, const char* name, const std::string& where) {
        const auto* i = member(j, name, where).get<Index>();
        if (!i) throw_value_error(where + ": " + name + " expects an integer");
        return *i;
    }

    /// Names and the order of nodes decide names of parameters and streams of random numbers.
    static void check_order(const Graph& model, const LoadedGraph& g) {
        Graph all = model;
        for (const auto& [node, weight] : g.added) (void)all.extend(node);
        if (all.entries().size() != g.nodes.size())
            throw_value_error("architecture: " + std::to_string(g.nodes.size() - all.entries().size()) +
                              " of its nodes lead to no output");
        for (std::size_t i = 0; i < g.nodes.size(); ++i) {
            const Graph::Entry& e = all.entries()[i];
            if (e.place != g.nodes[i].place())
                throw_value_error("architecture: node #" + std::to_string(i) + " is out of order");
            if (e.name != g.names[i])
                throw_value_error("architecture: node #" + std::to_string(i) + " expects the name \"" + e.name +
                                  "\", got \"" + g.names[i] + "\"");
        }
    }
    void load_values(Model<T>& model) {
        model.allocate([&](const Parameter& p) {
            const TensorEntry& e = file_.at(p.name);
            if (e.shape != p.shape)
                throw_value_error("tensor \"" + p.name + "\" expects shape " + to_string(p.shape) + ", got " +
                                  to_string(e.shape));
        });
        for (const ModelBase::Variable& v : model.variables()) copy_tensor(file_, file_.at(v.name), v.view);
        const std::string* scalar = find("scalar");
        const std::string* fingerprint = find("fingerprint");
        if (scalar && *scalar == name_of(dtype_of<T>()) && fingerprint && *fingerprint != model.fingerprint())
            throw_value_error("values do not have the fingerprint " + fingerprint->substr(0, 40) + " of the file but " +
                              model.fingerprint() + ": they were changed after saving");
    }
    void freeze(Model<T>& model) const {
        if (!find("frozen")) return;
        for (const std::string& name : texts(document("frozen", true), "frozen")) model.freeze(name);
    }
    void load_preprocessing(Model<T>& model, ObjectMaker<T>& maker) {
        const Json j = document("preprocessing", false);
        auto p = maker.template make_as<Preprocessor>(
            *decoder_.decode_object(j, "preprocessor", "preprocessing", "preprocessing"), "preprocessing");
        if (const Json* state = j.find("state"))
            FieldReader(decoder_.decode(*state, "preprocessing: state"), "preprocessing: state").read_state(*p);
        model.set_preprocessor(std::move(p));
    }
    void load_compile(Model<T>& model, ObjectMaker<T>& maker) {
        const Json j = document("compile", true);
        CompileOptions<T> o;
        o.optimizer =
            maker.template make_as<Optimizer<T>>(*decoder_.decode_object(member(j, "optimizer", "compile"), "optimizer",
                                                                         "compile: optimizer", "compile/optimizer"),
                                                 "compile: optimizer");
        for (std::size_t i = 0; const Json& loss : list(j, "losses", "compile")) {
            const std::string where = "compile: loss #" + std::to_string(i), path = "compile/loss/" + std::to_string(i);
            const auto object = decoder_.decode_object(loss, "loss", where, path);
            o.loss.add(FieldDecoder::text(loss, "output", where), maker.template make_as<LossOf<T>>(*object, where));
            ++i;
        }
        for (const Json& w : list(j, "loss_weights", "compile"))
            if (!number_from_json(w, o.loss_weights.emplace_back()))
                throw_value_error("compile: loss_weights expects numbers");
        for (std::size_t i = 0; const Json& metric : list(j, "metrics", "compile")) {
            const std::string where = "compile: metric #" + std::to_string(i),
                              path = "compile/metric/" + std::to_string(i);
            const auto object = decoder_.decode_object(metric, "metric", where, path);
            o.metrics.add(FieldDecoder::text(metric, "output", where),
                          maker.template make_as<Metric<T>>(*object, where));
            ++i;
        }
        o.seed = std::bit_cast<std::uint64_t>(integer(j, "seed", "compile"));
        if (const Json* frozen = j.find("frozen")) o.frozen = texts(*frozen, "compile: frozen");
        if (j.find("groups"))
            for (const Json& g : list(j, "groups", "compile")) {
                const auto* pair = g.get<Json::List>();
                const auto* name = pair && pair->size() == 2 ? (*pair)[0].get<std::string>() : nullptr;
                double scale = 0;
                if (!name || !number_from_json((*pair)[1], scale))
                    throw_value_error("compile: groups expects pairs of a name and a number");
                o.groups.push_back({*name, scale});
            }
        const auto numbers = [&](const char* name, std::size_t size) {
            std::vector<double> values;
            if (j.find(name))
                for (const Json& v : list(j, name, "compile"))
                    if (!number_from_json(v, values.emplace_back())) values.clear();
            if (j.find(name) && values.size() != size)
                throw_value_error(std::string("compile: ") + name + " expects " + std::to_string(size) + " numbers");
            values.resize(size);
            return values;
        };
        const auto clip = numbers("clip", 3), ema = numbers("ema", 2);
        o.clip = {clip[0], clip[1], clip[2]};
        o.ema = {ema[0], ema[1] != 0};
        if (const Json* precision = j.find("precision")) {
            const auto* name = precision->get<std::string>();
            if (!name || *name != "bfloat16")
                throw_value_error("compile: precision expects \"bfloat16\", where it is given");
            if constexpr (std::is_same_v<T, float>) o.precision = bfloat16; // loaded as double it has no other
        }
        if (j.find("accumulate")) o.accumulate = integer(j, "accumulate", "compile");
        model.compile(o);
        freeze(model);
        if (!find("optimizer_state")) return;
        each_added(model, [&](const std::string& name, const AnyView& to) { copy_tensor(file_, file_.at(name), to); });
        const Json state = document("optimizer_state", true);
        const Index updates = integer(state, "updates", "optimizer_state");
        if (updates < 0)
            throw_value_error("optimizer_state: updates expects at least 0, got " + std::to_string(updates));
        model.compiled()->updates = updates;
        if (const Json* averaged = state.find("averaged")) {
            const auto* b = averaged->get<bool>();
            if (!b || (*b && !model.compiled()->has_averages()))
                throw_value_error("optimizer_state: averaged expects true, where there are averages, or false");
            model.compiled()->averaged = *b;
        }
        each_moment(*model.compiled(), [&](const std::string& name, View<T> to) { file_.copy_to(file_.at(name), to); });
    }

    std::string path_;
    SafetensorsFile file_;
    const LoadOptions<T>& options_;
    FieldDecoder decoder_;
};

} // namespace detail

/// Writes a model, whole or not at all: weights and state, architecture, preprocessing, what is frozen, compile
/// settings, and the optimizer's moments, averages and count of updates. Throws ValueError where the model has no
/// shapes yet, holds what cannot be described (a layer made of code) or gradients that no update took (accumulation),
/// IoError where the file cannot be written; an old file then stays as it was.
template <class T> void save(const Model<T>& model, const std::string& path, const SaveOptions& options = {}) {
    std::vector<NamedView> tensors;
    SafetensorsMetadata metadata{{"format", "gradus"},
                                 {"format_version", detail::model_format_version},
                                 {"gradus_version", GRADUS_VERSION},
                                 {"scalar", std::string(name_of(dtype_of<T>()))}};
    FieldEncoder encoder;
    try {
        const auto* c = model.compiled();
        if (options.include_optimizer && c && c->options().accumulate > 1 && c->accumulated > 0)
            throw_value_error("expects an update first (step): gradients of " + std::to_string(c->accumulated) +
                              " batch(es) wait for it");
        Graph graph = *model.graph();
        std::vector<detail::AddedLoss> added;
        for (const auto& loss : model.added_losses()) added.emplace_back(graph.extend(loss.node), loss.weight);
        metadata["architecture"] = detail::encode_architecture(graph, added, encoder).print();
        if (const auto& p = model.preprocessor()) {
            Json j = detail::describe_plain(*p, encoder, "preprocessing", "preprocessing");
            j.add("state", encoder.encode(FieldWriter::write_state(*p), "preprocessing", "preprocessing"));
            metadata["preprocessing"] = j.print();
        }
        if (!model.frozen().empty()) metadata["frozen"] = detail::encode_texts(model.frozen()).print();
        if (model.compile_options()) metadata["compile"] = detail::encode_compile(model, encoder).print();
        metadata["fingerprint"] = model.fingerprint();
    } catch (const Error& e) { throw_value_error(path + ": not saved: " + e.what()); }
    for (const ModelBase::Variable& v : model.variables()) tensors.emplace_back(v.name, v.view);
    const detail::Compiled<T>* compiled = model.compiled();
    if (compiled && compiled->updates > 0 && options.include_optimizer) {
        metadata["optimizer_state"] =
            "{\"updates\":" + std::to_string(compiled->updates) + (compiled->averaged ? ",\"averaged\":true}" : "}");
        detail::each_added(model, [&](const std::string& name, const AnyView& v) { tensors.emplace_back(name, v); });
        detail::each_moment(*compiled, [&](const std::string& name, View<T> v) { tensors.emplace_back(name, v); });
    }
    for (const auto& [name, value] : encoder.constants()) tensors.emplace_back(name, value.view());
    detail::Checksum sum;
    for (const auto& [name, v] : tensors) sum.add(name, detail::safetensors_type(v.dtype), v.shape, v.data, v.bytes());
    metadata["checksum"] = sum.text();
    write_safetensors(path, tensors, metadata);
}

/// Reads a model that `save` wrote: it predicts the same bits, is compiled the same way, and training goes on as if it
/// had not stopped. `load<double>(path)` converts, and `.compile = false` leaves out the precision of products, too. A
/// user's own kinds are named in the call:
///
///     auto model = load("classifier.safetensors", {.layers = {layer<Swish>()}});
///
/// Throws IoError that names the file and the place in it where anything is missing, malformed or does not fit.
template <class T = float> Model<T> load(const std::string& path, const LoadOptions<T>& options = {}) {
    try {
        return detail::ModelLoader<T>(path, options).load();
    } catch (const IoError&) { throw; } catch (const std::exception& e) {
        throw_io_error(path + ": " + e.what());
    }
}

GRADUS_END
