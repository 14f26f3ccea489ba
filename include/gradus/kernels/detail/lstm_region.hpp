/// The LSTM for blocks of rows: each block runs through all steps on its own, on weights packed once.
///
/// W = padded(U) + D inputs of a step, and one that nobody reads if they are odd: h (padded), then x. Packed forward:
/// bias [groups][4 group], then one panel [W][4 group] for each group of units, its columns the gates i f c o of the
/// group. Packed backward: the transposed weights, panels of 4 group columns, their rows the gates in the same order,
/// first those of R, then of the input weights. Saved, for each block: gates [T][groups][rows][4 group]; then for each
/// block c [T+1][rows][padded U]; then for each block inputs [T][rows][W].
///
/// Another format rounds the operands of products where they lie: panels, inputs, gathered gate gradients.
#ifdef GRADUS_REGION

template <class T> struct LSTMPlaces {
    Index units, inputs, groups; ///< padded U, W, padded U / group
    T *gates, *c, *in;
    /// Of the rows first to last; `saved` may be null.
    LSTMPlaces(Index batch, Index time, Index features, Index u, Index first, T* saved)
        : units(padded<T>(u)), inputs(padded<T>(u) + recurrent_even(features)), groups(padded<T>(u) / group<T>),
          gates(nullptr), c(nullptr), in(nullptr) {
        if (!saved) return;
        gates = saved + time * first * 4 * units;
        c = saved + time * batch * 4 * units + (time + 1) * first * units;
        in = saved + time * batch * 4 * units + (time + 1) * batch * units + time * first * inputs;
    }
};

/// One row of a weight matrix [., 4U] into row `p` of each forward panel of W rows.
template <class T> GRADUS_REGION_INLINE void lstm_pack_row(T* panels, const T* row, Index stride, Index units) {
    for (Index u = 0; u < units; u += group<T>, panels += stride)
        for (Index gate = 0; gate < 4; ++gate)
            copy_padded<T>(panels + gate * group<T>, row ? row + gate * units + u : nullptr,
                           units - u < group<T> ? units - u : group<T>, group<T>);
}

template <class T> void lstm_pack_forward(T* packed, const T* kernel, const T* recurrent, const T* bias, Index features,
                                          Index units, const RecurrentFormat<T>* format) {
    const Index wide = padded<T>(units), stride = (wide + recurrent_even(features)) * panel_columns<T>;
    lstm_pack_row<T>(packed, bias, panel_columns<T>, units);
    T* panels = packed + 4 * wide;
    for (Index p = 0; p < wide + features; ++p) {
        const T* row = p < units ? recurrent + p * 4 * units : p < wide ? nullptr : kernel + (p - wide) * 4 * units;
        lstm_pack_row<T>(panels + p * panel_columns<T>, row, stride, units);
    }
    for (Index u = 0; format && u < wide; u += group<T>, panels += stride) format->round_panel(panels, wide + features);
}

/// Panels of the transposed weights [rows, 4U].
template <class T> GRADUS_REGION_INLINE void lstm_pack_transposed(T* packed, const T* weights, Index rows, Index units,
                                                                  const RecurrentFormat<T>* format) {
    const Index groups = padded<T>(units) / group<T>;
    for (Index r0 = 0; r0 < rows; r0 += panel_columns<T>) {
        T* panel = packed;
        for (Index g = 0; g < groups; ++g)
            for (Index gate = 0; gate < 4; ++gate, packed += group<T> * panel_columns<T>) {
                const Index lanes = units - g * group<T> < group<T> ? units - g * group<T> : group<T>;
                for (Index j = 0; j < panel_columns<T>; ++j) {
                    const T* from = weights + (r0 + j) * 4 * units + gate * units + g * group<T>;
                    const Index filled = r0 + j < rows ? lanes : 0;
                    for (Index l = 0; l < group<T>; ++l) packed[l * panel_columns<T> + j] = l < filled ? from[l] : T(0);
                }
            }
        if (format) format->round_panel(panel, 4 * padded<T>(units));
    }
}

template <class T> void lstm_pack_backward(T* packed, const T* kernel, const T* recurrent, Index features, Index units,
                                           const RecurrentFormat<T>* format) {
    const Index panels = (units + panel_columns<T> - 1) / panel_columns<T>;
    lstm_pack_transposed<T>(packed, recurrent, units, units, format);
    if (kernel)
        lstm_pack_transposed<T>(packed + panels * panel_columns<T> * 4 * padded<T>(units), kernel, features, units,
                                format);
}

/// Depth of one pass over a panel: what stays in the first cache.
template <class T> inline constexpr Index lstm_depth = 512 / Index(sizeof(T));

/// Gates of n rows and one group from their four sums z, into the rows that `to` names. Functions of their own, so that
/// the constants stay in registers.
template <class T> GRADUS_NOINLINE void lstm_gates(T* gates, const T* z, const int* to, Index n) {
    for (Index k = 0; k < n; ++k, z += panel_columns<T>) {
        T* out = gates + to[k] * panel_columns<T>;
        for (Index j = 0; j < group<T>; j += width<T>) {
            store<T>(out + j, vector_sigmoid<T>(load<T>(z + j)));
            store<T>(out + group<T> + j, vector_sigmoid<T>(load<T>(z + group<T> + j)));
            store<T>(out + 2 * group<T> + j, vector_tanh<T>(load<T>(z + 2 * group<T> + j)));
            store<T>(out + 3 * group<T> + j, vector_sigmoid<T>(load<T>(z + 3 * group<T> + j)));
        }
    }
}
/// The new state of the rows `active`, `wide` apart, whose gates are the rows `from`.
template <class T> GRADUS_NOINLINE void lstm_state(T* h, T* c, const T* c_before, Index wide, const int* active,
                                                   const T* gates, const int* from, Index n) {
    for (Index k = 0; k < n; ++k) {
        const T* gate = gates + from[k] * panel_columns<T>;
        const Index lane = active[k] * wide;
        for (Index j = 0; j < group<T>; j += width<T>) {
            const Vector<T> cell = fma(load<T>(gate + group<T> + j), load<T>(c_before + lane + j),
                                       load<T>(gate + j) * load<T>(gate + 2 * group<T> + j));
            store<T>(c + lane + j, cell);
            store<T>(h + lane + j, load<T>(gate + 3 * group<T> + j) * vector_tanh<T>(cell));
        }
    }
}

/// Rows first to last through all steps. space: 5 padded U + 2 even D for each.
template <class T> void lstm_forward_block(const LSTMForward<T>& a, const T* packed, Index first, Index last, T* space,
                                           const RecurrentFormat<T>* format) {
    const Index rows = last - first, D = a.features, U = a.units, S = a.time;
    LSTMPlaces<T> at(a.batch, S, D, U, first, a.saved);
    const Index wide = at.units, inputs = at.inputs, stored = format ? format->stored(wide + D) : wide + D;
    T* h = space;
    T* recurrent_mask = h + rows * wide;
    T* rolling = recurrent_mask + rows * wide;
    if (!a.saved) {
        at.c = rolling;
        at.in = rolling + rows * wide;
    }
    const Index c_stride = a.saved ? rows * wide : 0;
    T* in = at.in;
    T* c = at.c;
    for (Index r = 0; r < rows; ++r) {
        copy_padded<T>(h + r * wide, a.h0 ? a.h0 + (first + r) * U : nullptr, U, wide);
        copy_padded<T>(c + r * wide, a.c0 ? a.c0 + (first + r) * U : nullptr, U, wide);
        if (a.recurrent_mask) copy_padded<T>(recurrent_mask + r * wide, a.recurrent_mask + (first + r) * U, U, wide);
        if (S == 0) continue;
        if (a.recurrent_mask)
            multiply_elements<T>(in + r * inputs, h + r * wide, recurrent_mask + r * wide, wide);
        else
            copy_elements<T>(in + r * inputs, h + r * wide, wide);
    }

    alignas(64) T z[recurrent_max_rows * panel_columns<T>];
    int active[recurrent_max_rows + 1];
    int all[recurrent_max_rows];
    for (int i = 0; i < recurrent_max_rows; ++i) all[i] = i;
    const T* in_rows[recurrent_max_rows];
    for (Index s = 0; s < S; ++s) {
        const Index t = a.go_backwards ? S - 1 - s : s;
        const Index n = active_rows(active, a.mask ? a.mask + first * S : nullptr, S, t, rows);
        T* in_next = s + 1 == S ? nullptr : a.saved ? in + rows * inputs : at.in + (s + 1) % 2 * rows * inputs;
        T* c_next = c + c_stride;
        for (Index i = 0; i < n; ++i) {
            const Index r = active[i];
            const T* x = a.x + ((first + r) * S + t) * D;
            in_rows[i] = in + r * inputs;
            if (a.input_mask)
                multiply_elements<T>(in + r * inputs + wide, x, a.input_mask + (first + r) * D, D);
            else
                copy_elements<T>(in + r * inputs + wide, x, D);
            if (format) format->round_row(in + r * inputs, wide + D);
        }
        for (Index g = 0; g < (n > 0 ? at.groups : 0); ++g) {
            const T* panel = packed + 4 * wide + g * inputs * panel_columns<T>;
            const T* from = packed + g * panel_columns<T>;
            const T* depth_rows[recurrent_max_rows];
            for (Index p = 0; p < stored; p += lstm_depth<T>) {
                const Index depth = stored - p < lstm_depth<T> ? stored - p : lstm_depth<T>;
                for (Index i = 0; i < n; ++i) depth_rows[i] = in_rows[i] + p;
                recurrent_rows<T>(format, n, panel_columns<T>, 1, depth, depth_rows, 0, panel + p * panel_columns<T>,
                                  from, p == 0 ? 0 : panel_columns<T>, z);
                from = z;
            }
            // An infinite input times the padding's zero weights is NaN, which would reach all units through h.
            const Index lanes = U - g * group<T>;
            for (Index i = 0; i < (lanes < group<T> ? 4 * n : 0); ++i)
                zero_elements<T>(z + i * group<T> + lanes, group<T> - lanes);
            T* gates = a.saved ? at.gates + (s * at.groups + g) * rows * panel_columns<T> : z;
            const int* gate_rows = a.saved ? active : all;
            lstm_gates<T>(gates, z, gate_rows, n);
            lstm_state<T>(h + g * group<T>, c_next + g * group<T>, c + g * group<T>, wide, active, gates, gate_rows, n);
        }
        for (Index r = 0, i = 0; r < rows; ++r) {
            if (i < n && active[i] == r) {
                ++i;
            } else if (a.saved) {
                copy_elements<T>(c_next + r * wide, c + r * wide, wide);
            }
            if (in_next && a.recurrent_mask)
                multiply_elements<T>(in_next + r * inputs, h + r * wide, recurrent_mask + r * wide, wide);
            else if (in_next)
                copy_elements<T>(in_next + r * inputs, h + r * wide, wide);
            if (a.y) copy_elements<T>(a.y + ((first + r) * S + s) * U, h + r * wide, U);
        }
        in = in_next;
        c = c_next;
    }
    for (Index r = 0; r < rows; ++r) {
        if (a.h) copy_elements<T>(a.h + (first + r) * U, h + r * wide, U);
        if (a.c) copy_elements<T>(a.c + (first + r) * U, c + r * wide, U);
    }
}

/// Gradients of the four sums of one row and one group; dc becomes that of the step before.
template <class T>
GRADUS_REGION_INLINE void lstm_cell_backward(T* dz, const T* gates, const T* c, const T* c_before, const T* dh, T* dc) {
    const Vector<T> one = splat<T>(1);
    for (Index j = 0; j < group<T>; j += width<T>) {
        const Vector<T> i = load<T>(gates + j), f = load<T>(gates + group<T> + j);
        const Vector<T> g = load<T>(gates + 2 * group<T> + j), o = load<T>(gates + 3 * group<T> + j);
        const Vector<T> tanh_c = vector_tanh<T>(load<T>(c + j)),
                        dh_j = zero_below<T>(load<T>(dh + j), least_gradient<T>);
        const Vector<T> dc_j =
            fma(dh_j * o, fma(-tanh_c, tanh_c, one), zero_below<T>(load<T>(dc + j), least_gradient<T>));
        store<T>(dz + j, dc_j * g * (i * (one - i)));
        store<T>(dz + group<T> + j, dc_j * load<T>(c_before + j) * (f * (one - f)));
        store<T>(dz + 2 * group<T> + j, dc_j * i * fma(-g, g, one));
        store<T>(dz + 3 * group<T> + j, dh_j * tanh_c * (o * (one - o)));
        store<T>(dc + j, dc_j * f);
    }
}

/// Gate gradients gathered over some steps, [groups][lstm_chunk][4 group], and the rows that they belong to.
template <class T> struct LSTMChunk {
    T* dz;
    T* pairs; ///< [lstm_chunk][W]: inputs as another format wants them
    Index count = 0;
    bool flushed = false;
    const T* in[lstm_chunk];
    T* dx[lstm_chunk];
    const T* input_mask[lstm_chunk];
};

/// The products of lstm_flush for the weight gradients in another format: pairs go along the chunk's rows.
template <class T> void lstm_flush_pairs(const RecurrentFormat<T>* format, LSTMChunk<T>& chunk, Index groups,
                                         Index inputs, Index first, Index last, T* dweights, const T* zeros) {
    alignas(64) T dz_pairs[lstm_chunk * panel_columns<T>];
    const T* in_pairs[lstm_chunk];
    for (Index q = 0; q < chunk.count; q += 2)
        format->join_rows(chunk.pairs + q / 2 * format->pair * inputs, chunk.in[q],
                          q + 1 < chunk.count ? chunk.in[q + 1] : nullptr, last, inputs);
    for (Index q = 0; q < format->stored(chunk.count); ++q) in_pairs[q] = chunk.pairs + q * inputs;
    for (Index g = 0; g < groups; ++g) {
        T* to = dweights + (g * inputs + first) * panel_columns<T>;
        const T* dz = chunk.dz + g * lstm_chunk * panel_columns<T>;
        for (Index q = 0; q < chunk.count; q += 2, dz += 2 * panel_columns<T>)
            format->join_rows(dz_pairs + q / 2 * format->pair * panel_columns<T>, dz,
                              q + 1 < chunk.count ? dz + panel_columns<T> : nullptr, panel_columns<T>,
                              panel_columns<T>);
        format->transposed(last - first, format->stored(chunk.count), in_pairs, first, dz_pairs,
                           chunk.flushed ? to : zeros, chunk.flushed ? panel_columns<T> : 0, to);
    }
}

/// Multiplies a chunk into the block's weight gradients and into dx.
template <class T> void lstm_flush(const LSTMBackward<T>& a, LSTMChunk<T>& chunk, const T* kernel_panels, T* dweights,
                                   const T* zeros, const RecurrentFormat<T>* format) {
    const Index wide = padded<T>(a.units), groups = wide / group<T>, inputs = wide + recurrent_even(a.features);
    const Index first = a.drecurrent_kernel ? 0 : wide, last = a.dkernel ? wide + a.features : wide;
    const Index stored = format ? format->stored(panel_columns<T>) : panel_columns<T>;
    if (format && first < last) lstm_flush_pairs<T>(format, chunk, groups, inputs, first, last, dweights, zeros);
    for (Index g = 0; !format && first < last && g < groups; ++g) {
        T* to = dweights + (g * inputs + first) * panel_columns<T>;
        product_transposed<T>(last - first, chunk.count, chunk.in, first, chunk.dz + g * lstm_chunk * panel_columns<T>,
                              chunk.flushed ? to : zeros, chunk.flushed ? panel_columns<T> : 0, to);
    }
    alignas(64) T sums[tile_rows * panel_columns<T>];
    const T* dz_rows[tile_rows];
    for (Index j = 0; a.dx && j < a.features; j += panel_columns<T>, kernel_panels += 4 * wide * panel_columns<T>) {
        const Index cols = a.features - j < panel_columns<T> ? a.features - j : panel_columns<T>;
        for (Index q = 0; q < chunk.count; q += tile_rows) {
            const Index rows = chunk.count - q < tile_rows ? chunk.count - q : tile_rows;
            for (Index i = 0; i < rows; ++i) dz_rows[i] = chunk.dz + (q + i) * panel_columns<T>;
            recurrent_rows<T>(format, rows, cols, groups, stored, dz_rows, lstm_chunk * panel_columns<T> - stored,
                              kernel_panels, zeros, 0, sums);
            for (Index i = 0; i < rows; ++i) {
                if (a.input_mask)
                    multiply_elements<T>(chunk.dx[q + i] + j, sums + i * panel_columns<T>, chunk.input_mask[q + i] + j,
                                         cols);
                else
                    copy_elements<T>(chunk.dx[q + i] + j, sums + i * panel_columns<T>, cols);
            }
        }
    }
    chunk.flushed = true;
    chunk.count = 0;
}

/// Rows first to last back through all steps. dweights [groups][W][4 group] and dbias [groups][4 group] are this
/// block's part, written.
template <class T> void lstm_backward_block(const LSTMBackward<T>& a, const T* packed, Index first, Index last,
                                            T* dweights, T* dbias, T* space, const RecurrentFormat<T>* format) {
    const Index rows = last - first, D = a.features, U = a.units, S = a.time;
    const LSTMPlaces<const T> at(a.batch, S, D, U, first, a.saved);
    const Index wide = at.units, inputs = at.inputs;
    const Index stored = format ? format->stored(panel_columns<T>) : panel_columns<T>;
    const T* kernel_panels = packed + (U + panel_columns<T> - 1) / panel_columns<T> * panel_columns<T> * 4 * wide;
    T* dh = space;
    T* dc = dh + rows * wide;
    T* recurrent_mask = dc + rows * wide;
    LSTMChunk<T> chunk;
    chunk.dz = recurrent_mask + rows * wide;
    chunk.pairs = chunk.dz + 4 * wide * lstm_chunk;
    alignas(64) T zeros[panel_columns<T>] = {};
    alignas(64) T sums[recurrent_max_rows * panel_columns<T>];
    int active[recurrent_max_rows + 1];
    const T* dz_rows[recurrent_max_rows];
    for (Index r = 0; r < rows; ++r) {
        copy_padded<T>(dh + r * wide, a.dh ? a.dh + (first + r) * U : nullptr, U, wide);
        copy_padded<T>(dc + r * wide, a.dc ? a.dc + (first + r) * U : nullptr, U, wide);
        if (a.recurrent_mask) copy_padded<T>(recurrent_mask + r * wide, a.recurrent_mask + (first + r) * U, U, wide);
    }
    zero_elements<T>(dbias, 4 * wide);
    for (Index s = S - 1; s >= 0; --s) {
        const Index t = a.go_backwards ? S - 1 - s : s;
        const Index n = active_rows(active, a.mask ? a.mask + first * S : nullptr, S, t, rows);
        if (a.dy)
            for (Index r = 0; r < rows; ++r) {
                const T* dy = a.dy + ((first + r) * S + s) * U;
                T* to = dh + r * wide;
                Index u = 0;
                for (; u + width<T> <= U; u += width<T>) store<T>(to + u, load<T>(to + u) + load<T>(dy + u));
                if (u < U) store<T>(to + u, load<T>(to + u) + load_part<T>(dy + u, U - u));
            }
        if (a.dx && n < rows)
            for (Index r = 0; r < rows; ++r)
                if (!a.mask[(first + r) * S + t]) zero_elements<T>(a.dx + ((first + r) * S + t) * D, D);
        if (n == 0) continue;
        for (Index i = 0; i < n; ++i) {
            const Index r = active[i], q = chunk.count + i;
            chunk.in[q] = at.in + (s * rows + r) * inputs;
            if (a.dx) chunk.dx[q] = a.dx + ((first + r) * S + t) * D;
            if (a.input_mask) chunk.input_mask[q] = a.input_mask + (first + r) * D;
            dz_rows[i] = chunk.dz + q * panel_columns<T>;
        }
        for (Index g = 0; g < at.groups; ++g) {
            T* dz = chunk.dz + (g * lstm_chunk + chunk.count) * panel_columns<T>;
            for (Index i = 0; i < n; ++i) {
                const Index r = active[i], lane = r * wide + g * group<T>;
                lstm_cell_backward<T>(
                    dz + i * panel_columns<T>, at.gates + ((s * at.groups + g) * rows + r) * panel_columns<T>,
                    at.c + (s + 1) * rows * wide + lane, at.c + s * rows * wide + lane, dh + lane, dc + lane);
            }
            for (Index j = 0; j < panel_columns<T>; j += width<T>) {
                Vector<T> sum = load<T>(dbias + g * panel_columns<T> + j);
                for (Index i = 0; i < n; ++i) sum = sum + load<T>(dz + i * panel_columns<T> + j);
                store<T>(dbias + g * panel_columns<T> + j, sum);
            }
            for (Index i = 0; format && i < n; ++i) format->round_row(dz + i * panel_columns<T>, panel_columns<T>);
        }
        const T* panel = packed;
        for (Index u = 0; u < U; u += panel_columns<T>, panel += 4 * wide * panel_columns<T>) {
            const Index cols = wide - u < panel_columns<T> ? wide - u : panel_columns<T>;
            recurrent_rows<T>(format, n, cols, at.groups, stored, dz_rows, lstm_chunk * panel_columns<T> - stored,
                              panel, zeros, 0, sums);
            for (Index i = 0; i < n; ++i) {
                const T* from = sums + i * panel_columns<T>;
                const Index lane = active[i] * wide + u;
                if (a.recurrent_mask)
                    multiply_elements<T>(dh + lane, from, recurrent_mask + lane, cols);
                else
                    copy_elements<T>(dh + lane, from, cols);
            }
        }
        chunk.count += n;
        if (chunk.count + rows > lstm_chunk) lstm_flush<T>(a, chunk, kernel_panels, dweights, zeros, format);
    }
    if (chunk.count > 0) lstm_flush<T>(a, chunk, kernel_panels, dweights, zeros, format);
    if (!chunk.flushed) zero_elements<T>(dweights, 4 * wide * inputs);
    for (Index r = 0; r < rows; ++r) {
        if (a.dh0) copy_elements<T>(a.dh0 + (first + r) * U, dh + r * wide, U);
        if (a.dc0) copy_elements<T>(a.dc0 + (first + r) * U, dc + r * wide, U);
    }
}

/// Adds the blocks' parts, in their order, to one row of gradients [4U]; `part` is the first block's row of the first
/// group.
template <class T> GRADUS_REGION_INLINE void lstm_add_row(T* row, const T* part, Index group_stride, Index block_stride,
                                                          Index blocks, Index units) {
    for (Index u = 0; u < units; u += group<T>, part += group_stride)
        for (Index gate = 0; gate < 4; ++gate) {
            const T* from = part + gate * group<T>;
            T* to = row + gate * units + u;
            const Index lanes = units - u < group<T> ? units - u : group<T>;
            for (Index j = 0; j < lanes; j += width<T>) {
                Vector<T> sum = load<T>(from + j);
                for (Index b = 1; b < blocks; ++b) sum = sum + load<T>(from + b * block_stride + j);
                if (lanes - j < width<T>)
                    store_part<T>(to + j, load_part<T>(to + j, lanes - j) + sum, lanes - j);
                else
                    store<T>(to + j, load<T>(to + j) + sum);
            }
        }
}

/// Rows first to last of the U + D + 1 rows of drecurrent, dkernel and dbias.
template <class T> void lstm_add_gradients(const LSTMBackward<T>& a, const T* dweights, const T* dbias,
                                           Index block_stride, Index blocks, Index first, Index last) {
    const Index wide = padded<T>(a.units), group_stride = (wide + recurrent_even(a.features)) * panel_columns<T>;
    for (Index r = first; r < last; ++r) {
        const T* part = dweights + (r < a.units ? r : r - a.units + wide) * panel_columns<T>;
        if (r < a.units) {
            if (a.drecurrent_kernel)
                lstm_add_row<T>(a.drecurrent_kernel + r * 4 * a.units, part, group_stride, block_stride, blocks,
                                a.units);
        } else if (r < a.units + a.features) {
            if (a.dkernel)
                lstm_add_row<T>(a.dkernel + (r - a.units) * 4 * a.units, part, group_stride, block_stride, blocks,
                                a.units);
        } else if (a.dbias) {
            lstm_add_row<T>(a.dbias, dbias, panel_columns<T>, block_stride, blocks, a.units);
        }
    }
}

template <class T> inline constexpr LSTMTable<T> lstm_table = {&lstm_pack_forward<T>, &lstm_forward_block<T>,
                                                               &lstm_pack_backward<T>, &lstm_backward_block<T>,
                                                               &lstm_add_gradients<T>};

#endif
